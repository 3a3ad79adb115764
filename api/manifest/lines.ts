/** Splits a byte stream into lines at \n only: node:readline also splits at U+2028, which transcripts may hold. */
const NEWLINE = 0x0a

/** The non-empty lines of a stream, decoded as UTF-8. */
export async function* linesOf(source: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  let pending: Buffer[] = []
  for await (const chunk of source) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      pending.push(bytes.subarray(start, end))
      start = end + 1
      const line = Buffer.concat(pending).toString('utf8')
      pending = []
      if (line !== '') yield line
    }
    if (start < bytes.length) pending.push(bytes.subarray(start))
  }
  const last = Buffer.concat(pending).toString('utf8')
  if (last !== '') yield last
}
