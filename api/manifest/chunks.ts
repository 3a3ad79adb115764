/** Cuts a manifest into queries that each join a bounded number of transcripts, so memory does not grow with history. */

/** Whole storage days; or, for a day too large, one of `parts` parts of it by hash. */
export interface Chunk {
  anchor_days: string[]
  part: number
  parts: number
}

/** 200,000 recordings with 2 kB of text each needed more than 2 GB as one query. */
export const CHUNK_RECORDINGS = 20_000

/** Every day in exactly one chunk, in order; a day of more than `most` recordings in chunks of its own. */
export function chunksOf(days: readonly { anchor_day: string; recordings: number }[], most = CHUNK_RECORDINGS): Chunk[] {
  const chunks: Chunk[] = []
  let open: { chunk: Chunk; size: number } | undefined
  for (const { anchor_day, recordings } of days) {
    if (recordings > most) {
      const parts = Math.ceil(recordings / most)
      for (let part = 0; part < parts; part++) chunks.push({ anchor_days: [anchor_day], part, parts })
      open = undefined
    } else if (open && open.size + recordings <= most) {
      open.chunk.anchor_days.push(anchor_day)
      open.size += recordings
    } else {
      open = { chunk: { anchor_days: [anchor_day], part: 0, parts: 1 }, size: recordings }
      chunks.push(open.chunk)
    }
  }
  return chunks
}
