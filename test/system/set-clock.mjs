// Sets the clock as the built package does; only to be run where it cannot. argv: folder of the build, then how and offset
// in turn. Writes what came of each.
const [, , dist, ...words] = process.argv;
const { createClockSetter } = await import(`${dist}/node/platform/set-clock.js`);
const set = createClockSetter();
for (let at = 0; at < words.length; at += 2) console.log(set(words[at], Number(words[at + 1])));
