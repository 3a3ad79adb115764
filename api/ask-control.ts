/** Failures of the control database are told apart from the warehouse's here, where they happen: the drivers' codes look alike. */
import { CallhouseError } from '../errors.ts'

/** The call's answer; whatever the driver throws becomes `control_unavailable`. */
export async function askControl<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (cause) {
    if (cause instanceof CallhouseError) throw cause
    throw new CallhouseError('control_unavailable', 'The control database did not answer. Try again in a few seconds.', { cause })
  }
}
