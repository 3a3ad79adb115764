/**
 * The API's log: one line per request with the route's pattern, never its URL,
 * since a query string may hold a phone number; credentials are redacted
 * wherever an object that carries them is logged.
 */
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino'

const SECRETS = ['authorization', '"x-api-key"', 'cookie', 'key', 'password', 'token']

export const loggerOptions: LoggerOptions = {
  name: 'callhouse-api',
  redact: {
    paths: SECRETS.flatMap((name) =>
      name.startsWith('"')
        ? [`headers[${name}]`, `*.headers[${name}]`, `[${name}]`]
        : [name, `headers.${name}`, `*.headers.${name}`, `query.${name}`, `*.query.${name}`],
    ),
    censor: '<redacted>',
  },
}

/** A logger with the API's redactions. */
export function createLogger(destination?: DestinationStream): Logger {
  return destination ? pino(loggerOptions, destination) : pino(loggerOptions)
}
