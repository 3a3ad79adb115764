/** One line in the terminal that says how far long work has come and when it ends. */

export interface Progress {
  /** Shows the state; `total` may grow while the work goes on. */
  update(done: number, total: number, note?: string): void
  /** Ends the line and leaves `text` in its place. */
  end(text: string): void
  /** Ends the line and leaves nothing. */
  clear(): void
}

const WIDTH = 28
const REDRAW_MS = 100
/** Where there is no terminal to redraw, a line now and then. */
const LINE_MS = 5_000

/** A progress line on `out`; in a log file it prints a plain line every few seconds instead. */
export function startProgress(
  label: string,
  out: { isTTY?: boolean; write(text: string): unknown } = process.stdout,
  now: () => number = Date.now,
): Progress {
  const started_ms = now()
  let drawn_ms = -Infinity
  return {
    update(done, total, note = '') {
      if (now() - drawn_ms < (out.isTTY ? REDRAW_MS : LINE_MS)) return
      drawn_ms = now()
      const line = `${label} ${bar(done, total)} ${count(done)} of ${count(Math.max(done, total))}${etaText(done, total, now() - started_ms)}${note && `  ${note}`}`
      out.write(out.isTTY ? `\r\x1b[2K${line}` : `${line}\n`)
    },
    end(text) {
      out.write(out.isTTY ? `\r\x1b[2K${text}\n` : `${text}\n`)
    },
    clear() {
      if (out.isTTY) out.write('\r\x1b[2K')
    },
  }
}

function bar(done: number, total: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * WIDTH)
  return `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${String(Math.floor(share * 100)).padStart(3)} %`
}

function etaText(done: number, total: number, elapsed_ms: number): string {
  if (done <= 0 || done >= total || elapsed_ms < 1_000) return ''
  return `, ${duration((elapsed_ms * (total - done)) / done)} left`
}

/** 1234567 as "1,234,567". */
export function count(n: number): string {
  return n.toLocaleString('en-US')
}

/** Milliseconds as "12 s" or "3 min 20 s". */
export function duration(ms: number): string {
  const s = Math.max(1, Math.round(ms / 1000))
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`
}
