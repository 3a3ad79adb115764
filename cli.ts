/** The command line: every verb, its options, and how an error reads in a terminal. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { BackfillOptions } from './backfill.ts'
import { environment, loadConfig, type Config } from './config.ts'
import { demo } from './demo.ts'
import { CallhouseError, messageOf } from './errors.ts'
import { dryRun, importOptions, type ImportOptions } from './import-files.ts'
import { openLog } from './log.ts'
import type { ReplayOptions } from './replay.ts'
import { runVerb, terminal } from './run-verb.ts'
import { serve, serveEngine, stopSignal } from './serve.ts'
import { sourcesAdd, type SourcesAddOptions } from './sources-add.ts'
import type { VerbName, VerbOptions } from './verbs.ts'
import type { VerifyOptions } from './verify.ts'

/** A command line that cannot be understood; never mistaken for a verify that found something. */
const MISUSED = 2

const program = new Command('callhouse')
  .description('A warehouse for virtual phone systems.')
  .option('-c, --config <file>', 'the configuration file (default: callhouse.yaml where it exists)')
  .showHelpAfterError()
  .exitOverride((wrong) => process.exit(wrong.exitCode === 0 ? 0 : MISUSED))

/** The config every verb runs with; a file that was named must exist. */
function config(): Config {
  const file = program.opts<{ config?: string }>().config
  return loadConfig({ ...(file === undefined ? {} : { file }), required: file !== undefined })
}

program
  .command('start', { hidden: true })
  .description('up where a callhouse.yaml exists, demo where none does')
  .action(() => (existsSync('callhouse.yaml') ? serve(config(), ['ingest', 'transform', 'api'], stopSignal()) : demo(config(), {}, stopSignal())))

program
  .command('up')
  .description('pull every configured source, keep facts up to date and serve the API, in one process')
  .action(() => serve(config(), ['ingest', 'transform', 'api'], stopSignal()))

for (const [role, what] of [
  ['ingest', 'pull every configured source into the warehouse'],
  ['transform', 'keep facts up to date'],
  ['api', 'serve the API'],
] as const)
  program
    .command(role)
    .description(`${what}; run as many as you like`)
    .action(() => serve(config(), [role], stopSignal()))

program
  .command('demo')
  .description('a pretend phone company with 90 days of history and live calls, and Callhouse on top')
  .option('--seed <n>', 'another company', Number)
  .option('--days <n>', 'days of history', Number)
  .action((options: { seed?: number; days?: number }) => demo(config(), options, stopSignal()))

/** An action that does a verb's work; an error ends it with `failed`. */
function run<Name extends VerbName>(name: Name, options: VerbOptions<Name>, failed = 1): Promise<void> {
  process.exitCode = failed
  return runVerb(config(), name, options, stopSignal()).then((code) => void (process.exitCode = code))
}

/** Where 1 says that something differs, 2 says that it could not be found out. */
const COULD_NOT = 2

program
  .command('backfill')
  .description('load files once, from the beginning to the end; loading them again changes nothing')
  .requiredOption('--source <kind>', 'what wrote the files: asterisk')
  .requiredOption('--path <dir>', 'the directory that holds them')
  .requiredOption('--tenant <name>', 'whose they are; made when it is new')
  .option('--tz <zone>', 'the zone of local times in the files, such as Europe/Berlin', 'UTC')
  .option('--id <id>', "the source's id; give each phone system its own", undefined)
  .action((options: BackfillOptions) => run('backfill', { ...options, path: resolve(options.path) }))

program
  .command('import')
  .description('load CSV or NDJSON files once, by a mapping; loading them again changes nothing')
  .requiredOption('--path <path>', 'a file, a directory, or a path whose last part has a *')
  .requiredOption('--mapping <file>', 'YAML that says how rows become records')
  .requiredOption('--tenant <name>', 'whose they are; made when it is new')
  .option('--format <name>', 'csv or ndjson (default: by the extension)')
  .option('--delimiter <character>', 'what separates the columns of a CSV: one character, tab, or auto (default: a comma)')
  .option('--columns <names>', 'names of the columns of a CSV without a header line, separated by commas')
  .option('--encoding <name>', 'utf8 or latin1 (default: utf8)')
  .option('--tz <zone>', 'what "zone: source" means in the mapping', 'UTC')
  .option('--id <id>', "the source's id (default: files)")
  .option('--dry-run', 'store nothing: show the first records, and why rows would be refused (exit code 1 where some would)')
  .action(async ({ dryRun: is_dry, ...options }: ImportOptions & { dryRun?: boolean }) => {
    if (!is_dry) return run('backfill', importOptions(options))
    process.exitCode = await dryRun(importOptions(options), openLog('warn'), stopSignal(), terminal)
  })

program
  .command('verify')
  .description('recompute facts from the core tables and list the days that differ (exit code 0: none, 1: some, 2: could not be done)')
  .option('--tenant <name>', 'one tenant only')
  .option('--from <day>', 'first day to check (YYYY-MM-DD, UTC); all records are read, whichever days are checked')
  .option('--to <day>', 'last day to check')
  .option('--recent', 'what is checked every night: the last 35 days, from records of the last 70 and older ones known to reach them')
  .action((options: VerifyOptions) => run('verify', options, COULD_NOT))

program
  .command('reconcile')
  .description("compare sources' own totals with the warehouse (exit code 0: the same, 1: different, 2: could not be done)")
  .option('--tenant <name>', 'one tenant only')
  .option('--source <id>', 'one source only')
  .option('--day <days...>', 'these days (YYYY-MM-DD, UTC); otherwise yesterday, and a week and 30 days ago')
  .action((options: { tenant?: string; source?: string; day?: string[] }) => run('reconcile', options, COULD_NOT))

program
  .command('replay')
  .description("read what is stored again with today's parsers: shows what would change; --apply publishes it")
  .requiredOption('--tenant <name>', 'whose records')
  .option('--source <id>', 'one source only')
  .option('--entity <name>', 'one entity only')
  .option('--from <day>', 'first day (YYYY-MM-DD): of the records, or on which dead letters came in')
  .option('--to <day>', 'last day')
  .option('--dead-letters', 'dead letters only')
  .option('--dry-run', 'change nothing; this is what happens without --apply')
  .option('--apply', 'publish what changed')
  .action(({ dryRun, ...options }: ReplayOptions & { dryRun?: boolean }) => run('replay', { ...options, apply: options.apply === true && !dryRun }))

program
  .command('migrate')
  .description('bring both databases to the schema of this version')
  .action(() => run('migrate', {}))

program
  .command('warehouse')
  .description("serve the embedded engine through ClickHouse's HTTP interface, so that several processes can share it")
  .action(() => serveEngine(config(), stopSignal()))

const sources = program
  .command('sources')
  .description('list the sources Callhouse knows, and how their last run ended')
  .action(() => run('sources', {}))
sources
  .command('add')
  .description('ask for what a source needs, try it, show what it gives, and write it into the configuration file')
  .option('--kind <kind>', 'what it is: pretend, asterisk, …')
  .option('--id <id>', 'its id (default: the kind)')
  .option('--tenant <name>', 'whose it is (default: default)')
  .option('--tz <zone>', 'its time zone')
  .option('--set <key=value...>', "one of the kind's options; a secret as '${NAME}', a variable of the environment")
  .option('--yes', 'ask nothing')
  .action(async (options: SourcesAddOptions) => {
    const file = program.opts<{ config?: string }>().config ?? 'callhouse.yaml'
    process.exitCode = await sourcesAdd({ ...options, file }, { env: environment(), input: process.stdin, output: terminal, signal: stopSignal() })
  })

const keys = program.command('keys').description('API keys')
keys
  .command('create')
  .requiredOption('--tenant <name>', 'whose rows the key reads')
  .option('--name <name>', 'what it is for', 'unnamed')
  .option('--scopes <list>', 'read, ingest, admin, pii:read; separated by commas', 'read')
  .action((options: { tenant: string; name: string; scopes: string }) => run('keys create', options))
keys
  .command('list')
  .option('--tenant <name>', 'one tenant only')
  .action((options: { tenant?: string }) => run('keys list', options))
keys
  .command('revoke')
  .argument('<id>', 'as `keys list` shows it')
  .action((id: string) => run('keys revoke', { id }))

try {
  await program.parseAsync()
} catch (thrown) {
  process.stderr.write(thrown instanceof CallhouseError ? `callhouse: ${thrown.message} [${thrown.code}]\n` : `callhouse: ${messageOf(thrown)}\n`)
  if (!(thrown instanceof CallhouseError)) openLog('error').error({ err: thrown }, 'unexpected error')
  process.exitCode ||= 1
}
