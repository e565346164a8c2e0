// Writes schema.json: what CloudFormation replaces, what holds data and what carries a policy, by resource type, as the
// CDK's own database of resource types knows it. Run by `make golden`.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const { loadAwsServiceSpecSync } = createRequire(import.meta.url)('@aws-cdk/aws-service-spec');

const spec = loadAwsServiceSpecSync();

// within lists the paths of what replaces inside a property that by itself does not; inside a list nothing has a path.
function within(properties, path, seen) {
  return Object.entries(properties).flatMap(([name, property]) => {
    const at = [...path, name];
    if (property.causesReplacement === 'yes') return path.length > 0 ? [at.join('.')] : [];
    if (property.causesReplacement === 'maybe' || property.type.type !== 'ref') return [];
    const type = spec.get('typeDefinition', property.type.reference.$ref);
    return seen.includes(type.$id) ? [] : within(type.properties, at, [...seen, type.$id]);
  });
}

const types = {};
for (const resource of spec.all('resource')) {
  const row = {};
  const add = (key, name) => (row[key] ??= []).push(name);
  for (const [name, property] of Object.entries(resource.properties)) {
    if (property.causesReplacement === 'yes') add('replaces', name);
    if (property.causesReplacement === 'maybe') add('mayReplace', name);
    if (property.scrutinizable && property.scrutinizable !== 'None') (row.scrutinized ??= {})[name] = property.scrutinizable;
  }
  const inside = within(resource.properties, [], []);
  if (inside.length > 0) row.within = inside.sort();
  if (resource.isStateful) row.stateful = true;
  if (resource.scrutinizable && resource.scrutinizable !== 'None') row.is = resource.scrutinizable;
  row.replaces?.sort();
  row.mayReplace?.sort();
  if (Object.keys(row).length > 0) types[resource.cloudFormationType] = row;
}
const lines = Object.keys(types).sort().map((type) => `${JSON.stringify(type)}:${JSON.stringify(types[type])}`);
writeFileSync(process.argv[2] ?? new URL('schema.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
