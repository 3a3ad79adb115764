/** TSV rows as bytes, written once: text that is kept as strings costs the garbage collector more than all the rest of a load. */
import { crc32 } from 'node:zlib'

/** Chunks double from the one size to the other: most tables of most batches are small. */
const FIRST_CHUNK_BYTES = 4 * 1024
const CHUNK_BYTES = 256 * 1024
/** UTF-8 takes at most three bytes for one of JavaScript's characters. */
const MOST_BYTES = 3

export class RowBuffer {
  #full: Buffer[] = []
  #full_bytes = 0
  #chunk = Buffer.allocUnsafe(0)
  #at = 0
  #rows = 0

  get bytes(): number {
    return this.#full_bytes + this.#at
  }

  get rows(): number {
    return this.#rows
  }

  /** Adds a row: its text, and what `rest` makes of the CRC-32 of the bytes of `hashed`, which stand between the two. */
  add(head: string, hashed: string, rest: (crc: number) => string): void {
    this.#room((head.length + hashed.length) * MOST_BYTES)
    this.#write(head)
    const from = this.#at
    this.#write(hashed)
    const tail = rest(crc32(this.#chunk.subarray(from, this.#at)))
    this.#room(tail.length * MOST_BYTES)
    this.#write(tail)
    this.#rows += 1
  }

  /** All bytes so far, as one buffer. */
  toBuffer(): Buffer {
    return Buffer.concat([...this.#full, this.#chunk.subarray(0, this.#at)], this.bytes)
  }

  #write(text: string): void {
    this.#at += this.#chunk.write(text, this.#at)
  }

  #room(bytes: number): void {
    if (this.#chunk.length - this.#at >= bytes) return
    if (this.#at > 0) this.#full.push(this.#chunk.subarray(0, this.#at))
    this.#full_bytes += this.#at
    this.#chunk = Buffer.allocUnsafe(Math.max(bytes, FIRST_CHUNK_BYTES, Math.min(CHUNK_BYTES, this.#chunk.length * 2)))
    this.#at = 0
  }
}

const SPECIAL = /[\\\t\n\r\0]/
const SPECIALS = /[\\\t\n\r\0]/g
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0' }

/** A value as a TSV column, the way ClickHouse reads it back to the byte. */
export function tsvOf(value: string | number | boolean | null): string {
  if (typeof value === 'string') return SPECIAL.test(value) ? value.replace(SPECIALS, (sign) => escapes[sign]!) : value
  return value === null ? '\\N' : String(value)
}
