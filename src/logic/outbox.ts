/** The effects of steps under way, in a list that keeps its room when it is emptied, as an array does not. */
import type { EventObject } from 'xstate'

/** Where a step puts its effects. Setting `length` back takes the last ones out. */
export interface Effects {
  length: number
  push(effect: EventObject): unknown
}

export class Outbox implements Effects {
  readonly #effects: EventObject[] = []
  length = 0

  push(effect: EventObject): void {
    this.#effects[this.length] = effect
    this.length += 1
  }

  at(place: number): EventObject {
    return this.#effects[place]!
  }
}
