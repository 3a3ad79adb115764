/**
 * `npm run bench`: every figure in the README and the docs, measured on this
 * machine, each with what it is measured against. Ratios are taken side by side
 * in one run, since machines like these are noisy.
 *
 *   npm run bench              all of them
 *   npm run bench -- export    those whose name has "export" in it
 */
import { benchBacklog } from './backlog.bench.ts'
import { benchExport } from './export.bench.ts'
import { benchKafka } from './kafka.bench.ts'
import { benchLive } from './live.bench.ts'
import { printMachine } from './machine.ts'
import { benchQuery } from './query.bench.ts'
import { benchRefresh } from './refresh.bench.ts'
import { benchStart } from './start.bench.ts'
import { benchTwilio } from './twilio.bench.ts'

const benches = {
  start: benchStart,
  query: benchQuery,
  live: benchLive,
  export: benchExport,
  refresh: benchRefresh,
  backlog: benchBacklog,
  kafka: benchKafka,
  twilio: benchTwilio,
}

printMachine()
const wanted = process.argv[2] ?? ''
for (const [name, bench] of Object.entries(benches)) if (name.includes(wanted)) await bench()
