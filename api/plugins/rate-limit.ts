/** Stops one address from keeping the server busy; in memory, so each process counts for itself. */
import type { FastifyInstance } from 'fastify'
import { CallhouseError } from '../../errors.ts'

const DEFAULT_PER_MINUTE = 3_000

/** Options for @fastify/rate-limit, which counts before keys are checked. */
export function rateLimitOptions(requestsPerMinute = DEFAULT_PER_MINUTE) {
  return {
    global: false,
    max: requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request: unknown, { ttl }: { ttl: number }) => {
      const retry_after_s = Math.max(1, Math.ceil(ttl / 1000))
      return new CallhouseError('rate_limited', `Too many requests from this address. Try again in ${retry_after_s} s.`, {
        details: { retry_after_s },
      })
    },
  }
}

/** Counts every request to the routes of this scope; add it before the key check. */
export function addRateLimit(scope: FastifyInstance): void {
  scope.addHook('onRequest', scope.rateLimit())
}
