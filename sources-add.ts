/**
 * `callhouse sources add`: asks for what a kind of source needs, tries it, shows
 * what it gives, and writes it into the configuration file. Secrets are never
 * written: the file gets the name of an environment variable.
 */
import { parse } from 'yaml'
import { openPrompt, type Prompt } from './ask.ts'
import { normalizeConfig, type Env, type SourceSettings } from './config.ts'
import { readConfigFile, replaceConfigFile, withSource } from './config-file.ts'
import { CallhouseError } from './errors.ts'
import type { SourceDefinition, SourceOption } from './ingest/sources/definition.ts'
import { createSource, findDefinition, sourceDefinitions } from './ingest/sources/index.ts'
import { openLog } from './log.ts'
import { previewContext, previewSource, reasonsList, samplesTable } from './preview.ts'
import type { Output } from './verb.ts'

export interface SourcesAddOptions {
  kind?: string
  id?: string
  tenant?: string
  tz?: string
  set?: string[]
  yes?: boolean
  /** The configuration file; made where there is none. */
  file: string
}

export interface Surroundings {
  env: Env
  input: NodeJS.ReadStream
  output: Output
  signal: AbortSignal
}

const REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/
/** A source that has nothing in its first batches has nothing to show. */
const MOST_BATCHES = 20

/** Resolves to the exit code: 0 when written, 1 when somebody said no. What does not work throws, and nothing is written. */
export async function sourcesAdd(options: SourcesAddOptions, { env, input, output, signal }: Surroundings): Promise<number> {
  const prompt = options.yes ? undefined : openPrompt(input, output)
  try {
    const definition = await chooseKind(options.kind, prompt)
    const given = readSettings(options.set ?? [], definition)
    const id = options.id ?? ((await prompt?.ask(`id [${definition.kind}]:`)) || definition.kind)
    const tenant = options.tenant ?? ((await prompt?.ask('tenant [default]:')) || 'default')
    const values: Record<string, unknown> = {}
    const secrets = new Map<string, string>()
    for (const [key, option] of Object.entries(definition.options)) {
      const value = given.get(key) ?? (await askFor(key, option, prompt))
      if (value === undefined) continue
      if (option.is_secret) values[key] = asReference(value, id, key, secrets)
      else values[key] = typedValue(value)
    }
    const source = { id, tenant, kind: definition.kind, ...(options.tz !== undefined && { time_zone: options.tz }), ...values }

    // Everything that can be wrong with it is found before its system is asked.
    const text = withSource(readConfigFile(options.file), source, options.file)
    const settings = normalizeConfig({ sources: [source] }, { ...env, ...Object.fromEntries(secrets) }, 'The source').sources[0]!
    await tryOut(settings, output, signal)

    if (prompt && !/^y(es)?$/i.test(await prompt.ask(`Write it to ${options.file}? [y/N]`))) {
      output.out('Nothing was written.\n')
      return 1
    }
    replaceConfigFile(options.file, text)
    output.out(`\nWritten to ${options.file}.\n`)
    for (const name of secrets.keys()) output.out(`Set the environment variable ${name} before you start Callhouse: the secret is not in the file.\n`)
    return 0
  } finally {
    prompt?.close()
  }
}

async function chooseKind(given: string | undefined, prompt: Prompt | undefined): Promise<SourceDefinition> {
  const known = sourceDefinitions.map(({ kind }) => kind).join(', ')
  const kind = given ?? (await prompt?.ask(`kind (${known}):`)) ?? ''
  const definition = findDefinition(kind)
  if (!definition) throw new CallhouseError('bad_request', `${kind === '' ? 'No kind was given' : `There is no kind "${kind}"`}. Known: ${known}.`)
  return definition
}

function readSettings(list: readonly string[], { kind, options }: SourceDefinition): Map<string, string> {
  const settings = new Map<string, string>()
  for (const setting of list) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(setting) ?? []
    // The value may be a secret, so it is not repeated.
    if (!Object.hasOwn(options, key))
      throw new CallhouseError(
        'bad_request',
        `--set ${key || '(without =)'} is no option of kind ${kind}. It has: ${Object.keys(options).join(', ')}; write --set key=value.`,
      )
    settings.set(key, value)
  }
  return settings
}

/** Undefined where nothing was said. Of what is not required, only secrets are asked for: the rest has defaults. */
async function askFor(key: string, option: SourceOption, prompt: Prompt | undefined): Promise<string | undefined> {
  if (!prompt || !(option.is_required || option.is_secret)) return undefined
  const hint = option.is_secret ? ' (not shown; or ${NAME} of an environment variable)' : ''
  return (await prompt.ask(`${key}: ${option.about}${hint}:`, { is_secret: option.is_secret ?? false })) || undefined
}

/** A secret itself stays here: the file gets a name for it. */
function asReference(value: string, id: string, key: string, secrets: Map<string, string>): string {
  if (REFERENCE.test(value)) return value
  const name = `${id}_${key}`
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^(?=\d)/, '_')
  secrets.set(name, value)
  return `\${${name}}`
}

/** Numbers, true and false, lists and mappings as YAML has them; anything else is a text, leading zeros and all. */
function typedValue(text: string): unknown {
  if (/^(true|false|0|-?[1-9]\d{0,14}|\[.*\]|\{.*\})$/s.test(text)) return parse(text) as unknown
  return text
}

async function tryOut(settings: SourceSettings, output: Output, signal: AbortSignal): Promise<void> {
  const { id, tenant, kind, time_zone, options } = settings
  const source = createSource({ ...options, id, tenant, kind, time_zone })
  const context = previewContext(settings, openLog('error'), signal)
  if (source.check) output.out(`\nIt answers: ${(await source.check(context)).account}\n`)
  const preview = await previewSource(source, context, { samples: 3, until_records: { batches: MOST_BATCHES } })
  if (preview.records > 0) output.out(`\nIts first records, as they would be stored:\n\n${samplesTable(preview)}`)
  else output.out('\nIt has no records yet.\n')
  if (preview.rejected > 0) output.out(`\nRefused:\n${reasonsList(preview)}`)
}
