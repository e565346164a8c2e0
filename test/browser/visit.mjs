// Opens pages in a real browser, one after the other with the cookies of the pages before, and says as JSON what a visitor sees.
// Arguments: the browser's program, the folder for pictures, and the addresses.
import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, pictures, ...addresses] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] }); // without the sandbox because tests may run as root
try {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  const seen = [];
  for (const [n, address] of addresses.entries()) {
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(`${message.location().url}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(String(error)));
    const answer = await page.goto(address, { waitUntil: "networkidle" });
    const cookies = await context.cookies(address);
    seen.push({
      path: new URL(page.url()).pathname,
      status: answer.status(),
      heading: await page.locator("h1").first().textContent({ timeout: 2000 }).catch(() => ""),
      text: await page.locator("body").innerText(),
      styled: await page.evaluate(() => document.styleSheets.length > 0),
      visitor: cookies.find((cookie) => cookie.name === "peakline_visitor")?.value ?? "",
      complaints,
    });
    await page.screenshot({ path: join(pictures, `${n + 1}.png`) });
    await page.close();
  }
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
