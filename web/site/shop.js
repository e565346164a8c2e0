// Shows which variants of running experiments this visitor has.
const cookie = document.cookie.split('; ').find((part) => part.startsWith('peakline_variants='));
if (cookie) document.getElementById('variants').textContent = 'You see ' + cookie.split('=')[1];
