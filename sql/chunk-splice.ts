/**
 * Joins the blocks of a streamed result into one document. The engine writes
 * every block as a document of its own: a header line each, or for Arrow a
 * schema and an end mark each. All but the first header are dropped.
 */

/** Takes one block's bytes, gives what of it belongs in the joined document. */
export interface Splice {
  next(block: Buffer): Buffer
  /** What closes the document. */
  end(): Buffer
}

const NOTHING = Buffer.alloc(0)

/** The splice for a format, or undefined for formats that cannot be cut into blocks. */
export function spliceOf(format: string): Splice | undefined {
  if (format === 'ArrowStream') return arrowSplice()
  const base = format.replace(/^TSV/, 'TabSeparated').replace(/WithNames(AndTypes)?$/, '')
  const headers = format.endsWith('AndTypes') ? 2 : format.endsWith('WithNames') ? 1 : 0
  if (!lineFormats.has(base) && !(headers === 0 && headless.has(format))) return undefined
  return headers === 0 ? { next: (block) => block, end: () => NOTHING } : headerSplice(headers, base === 'CSV')
}

/** Every row is a line of its own, and these have variants with header lines. */
const lineFormats = new Set(['CSV', 'TabSeparated', 'TabSeparatedRaw', 'JSONCompactEachRow', 'JSONCompactStringsEachRow'])
const headless = new Set(['JSONEachRow', 'JSONStringsEachRow', 'RowBinary', 'Native', 'MsgPack', 'LineAsString'])

function headerSplice(lines: number, isCsv: boolean): Splice {
  let header: Buffer | undefined
  return {
    next(block) {
      if (header === undefined) {
        header = block.subarray(0, headerLength(block, lines, isCsv))
        return block
      }
      if (!block.subarray(0, header.length).equals(header)) throw new Error('A block of the result has another header than the first')
      return block.subarray(header.length)
    },
    end: () => NOTHING,
  }
}

/** A column's name in CSV may hold a line break between its quotes. */
function headerLength(block: Buffer, lines: number, isCsv: boolean): number {
  let isQuoted = false
  for (let at = 0, left = lines; at < block.length; at++) {
    if (isCsv && block[at] === 0x22) isQuoted = !isQuoted
    else if (block[at] === 0x0a && !isQuoted && --left === 0) return at + 1
  }
  return block.length
}

const END_OF_STREAM = Buffer.from('ffffffff00000000', 'hex')

function arrowSplice(): Splice {
  let schema: Buffer | undefined
  return {
    next(block) {
      const start = schemaLength(block)
      const end = block.length - END_OF_STREAM.length
      if (end < start || !block.subarray(end).equals(END_OF_STREAM)) throw new Error('A block of the Arrow result does not end as a stream does')
      if (schema === undefined) {
        schema = block.subarray(0, start)
        return block.subarray(0, end)
      }
      if (!block.subarray(0, start).equals(schema)) throw new Error('A block of the Arrow result has another schema than the first')
      return block.subarray(start, end)
    },
    end: () => END_OF_STREAM,
  }
}

/** A message is 0xffffffff, the length of its metadata, the metadata; a schema has no body. */
function schemaLength(block: Buffer): number {
  if (block.length < 16 || block.readUInt32LE(0) !== 0xffffffff) throw new Error('A block of the Arrow result does not start with a schema')
  return 8 + block.readInt32LE(4)
}
