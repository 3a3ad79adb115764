/** The process's log: JSON lines on standard error, so that standard output stays for people and pipes. */
import { pino, type Logger } from 'pino'

/** Keys, tokens and numbers never reach a line, whatever object is logged. */
const hidden = ['authorization', 'token', 'password', 'secret', 'key', 'url', 'payload', 'from_number', 'to_number', 'number', 'caller_number']

export function openLog(level: string): Logger {
  const redact = hidden.flatMap((key) => [key, `*.${key}`])
  return pino(
    { level, base: null, redact, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    pino.destination(2),
  )
}
