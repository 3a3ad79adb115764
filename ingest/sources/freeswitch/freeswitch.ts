/**
 * FreeSWITCH's CDRs: mod_json_cdr pushes them, one request per leg, and writes
 * those that nobody took into its err-log directory, which is imported here.
 */
import { readFile } from 'node:fs/promises'
import { CallhouseError } from '../../../errors.ts'
import type { Batch, PullContext, Pushed, PushRequest, Reject, Source } from '../../source.ts'
import { listFiles, type FoundFile } from '../../whole-files.ts'
import { readCdr, rereadCdr } from './read-cdr.ts'
import { checkSender, type Credentials } from './sender.ts'

export interface FreeswitchOptions extends Credentials {
  /** The err-log directory; without it CDRs come by push only. */
  path?: string | undefined
  /** encode-values in json_cdr.conf.xml. @default true */
  encode_values?: boolean | undefined
  /** Files per batch, or more where there are very many. @default 500 */
  batch_files?: number | undefined
}

/** What has been read, by name; a file is read again when its size or time of change is another. */
interface Checkpoint {
  files: Record<string, string>
}

const STREAM = 'err-log'
const MOST_BATCHES = 50
/** A file that is no JSON and does not end in a line end is being written, or was cut off for good when nothing has changed for so long. */
const WRITTEN_WITHIN_MS = 60_000

/** A source of one switch's CDRs. The two ways give the same records for one CDR. */
export function createFreeswitchSource(options: FreeswitchOptions): Source {
  const { path, encode_values = true, batch_files = 500 } = options
  if (typeof encode_values !== 'boolean')
    throw new CallhouseError('config_invalid', 'encode_values of a freeswitch source must be true or false, as encode-values in json_cdr.conf.xml.')
  if (options.username !== undefined && options.password === undefined)
    throw new CallhouseError('config_invalid', 'A freeswitch source with a username needs a password, too.')

  function receive(request: PushRequest): Pushed {
    checkSender(request, options)
    const { records, reject } = readCdr(request.body, { encode_values })
    return { inputs: 1, records, rejects: reject ? [reject] : [] }
  }

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    if (path === undefined || path === '') return
    const saved = (await context.checkpoint(STREAM)) as Checkpoint | undefined
    const found = await listFiles(path, ['.cdr.json'])
    // Names that are gone are forgotten: the checkpoint is no longer than the directory.
    const files = Object.fromEntries(found.flatMap(({ name }) => (saved?.files[name] === undefined ? [] : [[name, saved.files[name]]])))
    const fresh = found.filter(({ name, stamp }) => files[name] !== stamp)
    let done = found.length - fresh.length
    // Each batch writes down all names: a full directory is read in few.
    const step = Math.max(batch_files, Math.ceil(fresh.length / MOST_BATCHES))
    for (let at = 0; at < fresh.length; at += step) {
      if (context.signal.aborted) return
      const batch: Batch = { stream: STREAM, inputs: 0, records: [], rejects: [], checkpoint: undefined }
      for (const file of fresh.slice(at, at + step)) {
        done += 1
        const read = await readWhole(file, context.now())
        if (!read) continue
        batch.inputs += 1
        batch.records.push(...read.records)
        if (read.reject) batch.rejects.push(read.reject)
        files[file.name] = file.stamp
      }
      if (batch.inputs === 0) continue
      yield { ...batch, checkpoint: { files: { ...files } } satisfies Checkpoint, progress: { done, total: found.length } }
    }
  }

  /** Undefined for a file that is not written to its end, or is gone. */
  async function readWhole(file: FoundFile, now_ms: number): Promise<ReturnType<typeof readCdr> | undefined> {
    const body = await readFile(file.path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new CallhouseError('source_unavailable', `Cannot read ${file.name} of the err-log directory. Let the user Callhouse runs as read it.`, {
        cause: error,
      })
    })
    if (!body) return undefined
    const read = readCdr(body, { encode_values })
    const is_ended = body.at(-1) === '\n'.charCodeAt(0)
    if (read.reject && isUnreadable(read.reject) && !is_ended && now_ms - file.modified_ms < WRITTEN_WITHIN_MS) return undefined
    return read
  }

  return {
    kind: 'freeswitch',
    entities: ['calls', 'call_legs', 'queue_visits', 'agent_events'],
    pull,
    verifies_sender: options.password !== undefined || options.token !== undefined,
    receive,
    reparse: (stored) => rereadCdr(stored, { encode_values }),
    check: async () => {
      if (path === undefined || path === '') return { account: 'pushes only: there is no err-log directory' }
      const files = await listFiles(path, ['.cdr.json'])
      return { account: `${files.length} CDRs in the err-log directory` }
    },
  }
}

function isUnreadable({ code }: Reject): boolean {
  return code === 'not_json' || code === 'not_utf8'
}
