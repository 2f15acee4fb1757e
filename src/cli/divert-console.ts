/** What the module of a user prints with `console` goes to standard error: standard output is for results. */
import { Console } from 'node:console'
import { Writable } from 'node:stream'

/** Gives what is printed to `say`, line by line. */
export function divertConsole(say: (line: string) => void): void {
  const lines = new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, done) => {
      say(text.replace(/\n$/, ''))
      done()
    },
  })
  globalThis.console = new Console({ stdout: lines, stderr: lines })
}
