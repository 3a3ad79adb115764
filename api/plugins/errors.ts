/**
 * Turns everything that goes wrong into application/problem+json with a stable
 * code. Nothing a dependency says reaches the client: what is not one of our
 * own errors is logged and answered in our words.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CallhouseError, type ErrorCode } from '../../errors.ts'
import { loggable, warehouseError } from '../clickhouse-errors.ts'

export interface Problem {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  /** The request id, which the server's log carries too. */
  instance: string
  [extra: string]: unknown
}

/** Adds the error and not-found handlers. */
export function addErrors(app: FastifyInstance): void {
  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler((request, reply) => {
    return sendProblem(new CallhouseError('not_found', `There is no ${request.method} route here. /docs lists them all.`), request, reply)
  })
}

/** The problem document of an error. */
export function problemOf(error: CallhouseError, instance: string): Problem {
  const title = error.code.charAt(0).toUpperCase() + error.code.slice(1).replaceAll('_', ' ')
  const type = `/errors#${error.code}`
  return { ...error.details, type, title, status: error.status, code: error.code, detail: error.message, instance }
}

/** Answers with the problem document of anything thrown. */
export async function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const error = publicError(thrown)
  if (error.status >= 500) request.log.error({ problem: error.code, cause: loggable(error.cause ?? thrown) }, 'request failed')
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="callhouse"')
  if (error.status === 503 && error.retryable) void reply.header('retry-after', '5')
  // A failed export must not go out as a file to download.
  for (const name of ['content-disposition', 'content-length', 'x-callhouse-as-of', 'x-callhouse-complete']) void reply.removeHeader(name)
  return await reply
    .code(error.status)
    .type('application/problem+json')
    .serializer((problem: unknown) => JSON.stringify(problem))
    .send(problemOf(error, request.id))
}

/** Our own form of anything thrown while a request was served. */
export function publicError(thrown: unknown): CallhouseError {
  if (thrown instanceof CallhouseError) return thrown
  const warehouse = warehouseError(thrown)
  if (warehouse) return warehouse
  const error = thrown as Partial<FastifyError>
  if (error.validation) return invalidRequest(error as FastifyError)
  if (error.statusCode === 413)
    return new CallhouseError('body_too_large', 'The body is too large. Send what is in it in several requests.', { cause: thrown })
  if (typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500)
    return new CallhouseError('bad_request', `The request cannot be read: ${loggable(thrown).message}.`, { cause: thrown })
  return new CallhouseError('internal', 'Something went wrong on our side. The server log has the reason under this request id.', { cause: thrown })
}

/** Names the parameter and what is wrong with it, never its value. */
function invalidRequest(error: FastifyError): CallhouseError {
  const [first] = error.validation ?? []
  const params = first?.params ?? {}
  const named = [params.additionalProperty, params.missingProperty, first?.instancePath.split('/')[1]].find((name) => typeof name === 'string')
  const parameter = (named ?? '').slice(0, 64)
  const where = error.validationContext === 'querystring' ? 'parameter' : (error.validationContext ?? 'request')
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
  const problem = params.additionalProperty === undefined ? `${first?.message ?? 'is not valid'}${allowed}` : 'is not known here'
  return new CallhouseError('bad_request', `The ${where} "${parameter}" ${problem}. /docs lists what this route takes.`, { details: { parameter } })
}
