/** Amazon Connect's contact records, agent events and Contact Lens analyses, out of the files that a delivery stream leaves in a directory. */
import { CallhouseError } from '../../../errors.ts'
import type { Batch, PullContext, Source } from '../../source.ts'
import { listFiles } from '../../whole-files.ts'
import { ChainBook, type ChainBookState } from './chain-book.ts'
import { readInputs } from './input-file.ts'
import { connectPayloads, readPayload } from './payloads.ts'

export interface AmazonConnectOptions {
  /** The directory, with any folders in it. */
  path: string
  /** Payloads per batch. @default 2000 */
  batch_payloads?: number | undefined
}

/** How far each file was read, and the chains of contacts that may still grow. */
interface Checkpoint {
  files: Record<string, { stamp: string; next: number }>
  chains: ChainBookState
}

const STREAM = 'files'
const endings = ['.ndjson', '.jsonl', '.json', '.gz']

/** A source of one directory. Files may grow, and come again under other names: versions decide. */
export function createAmazonConnectSource(options: AmazonConnectOptions): Source {
  const { path, batch_payloads = 2000 } = options
  if (typeof path !== 'string' || path === '')
    throw new CallhouseError('config_invalid', 'An amazon-connect source needs a path: the directory its delivery stream writes to.')

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    const saved = (await context.checkpoint(STREAM)) as Checkpoint | undefined
    const found = await listFiles(path, endings)
    const files: Checkpoint['files'] = {}
    for (const { name } of found) if (saved?.files[name]) files[name] = saved.files[name]
    const book = new ChainBook(saved?.chains)
    const total = found.reduce((sum, { size }) => sum + size, 0)
    let done = 0
    let batch = emptyBatch()
    const cut = (): Batch => {
      const full = { ...batch, checkpoint: { files: { ...files }, chains: book.state() } satisfies Checkpoint, progress: { done, total } }
      batch = emptyBatch()
      return full
    }
    for (const file of found) {
      const known = files[file.name]
      done += file.size
      if (known?.stamp === file.stamp) continue
      // A file that shrank is another one; a gzip file has no place to go on from.
      let next = known && known.next <= file.size && !file.name.endsWith('.gz') ? known.next : 0
      let is_left = true
      for await (const input of readInputs(file, next, context.now())) {
        const read = input.fault ?? readPayload(input.text, book)
        batch.inputs += 1
        if (Array.isArray(read)) batch.records.push(...read)
        else batch.rejects.push({ position: input.position, ...read, payload: input.text })
        next = input.next
        is_left = false
        // Within a line, or a gzip file, there is no place to go on from.
        if (batch.inputs >= batch_payloads && !file.name.endsWith('.gz') && !/\/\d+\/\d+$/.test(input.position)) {
          files[file.name] = { stamp: 'under way', next }
          yield cut()
          if (context.signal.aborted) return
        }
      }
      // What was half-written is looked at again; what was read to its end is not.
      if (next >= file.size) files[file.name] = { stamp: file.stamp, next }
      else if (!is_left) files[file.name] = { stamp: 'under way', next }
      if (batch.inputs >= batch_payloads) {
        yield cut()
        if (context.signal.aborted) return
      }
    }
    if (batch.inputs > 0) yield cut()
  }

  return {
    kind: 'amazon-connect',
    entities: connectEntities,
    pull,
    reparse: connectPayloads(),
    check: async () => {
      const found = await listFiles(path, endings)
      return { account: `${found.length} files of Amazon Connect` }
    },
  }
}

/** What contact records, agent events and analyses make. */
export const connectEntities = [
  'calls',
  'call_legs',
  'call_segments',
  'call_events',
  'queue_visits',
  'agent_states',
  'agent_events',
  'presence_events',
  'users',
  'queues',
  'recordings',
  'transcripts',
  'transcript_turns',
  'sentiment',
] as const

function emptyBatch(): Batch {
  return { stream: STREAM, inputs: 0, records: [], rejects: [], checkpoint: undefined }
}
