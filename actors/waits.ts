/** Who below a task waits for people, and whether it does so itself. Its limits of time stand still meanwhile. */

/** In the place of a request's id: the task itself. */
export const itself = ''

/** Tells when the first begins to wait, and when the last has ended. */
export class Waits {
  readonly #changed: (waiting: boolean) => void
  readonly #who = new Set<string>()

  constructor(changed: (waiting: boolean) => void) {
    this.#changed = changed
  }

  get any(): boolean {
    return this.#who.size > 0
  }

  /** `false`: nothing has changed. */
  note(who: string, waiting: boolean): boolean {
    const before = this.#who.size
    if (waiting) this.#who.add(who)
    else this.#who.delete(who)
    const now = this.#who.size
    if (before === now) return false
    if (before === 0) this.#changed(true)
    else if (now === 0) this.#changed(false)
    return true
  }

  /** The attempt has ended: nobody waits for it. */
  end(): void {
    if (!this.any) return
    this.#who.clear()
    this.#changed(false)
  }
}
