/** The command was asked for something that it cannot do: exit code 2, and the way out in the message. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
