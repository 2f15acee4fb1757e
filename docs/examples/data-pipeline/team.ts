/**
 * A data pipeline: extract, enrich, transform, validate, publish. What a stage gives has to pass its contract and its gate,
 * else the fallback of that stage is asked. Where there is none, or that is no better, an error names the stage.
 */
import { agent, pipeline, stage, type Agent, type Model } from 'troupe'
import { z } from 'zod'

/** A file of measurements; a line each: sensor, value, unit. */
export const File = z.object({ id: z.string(), csv: z.string() })
type File = z.output<typeof File>

const Line = z.object({ sensor: z.string(), value: z.string(), unit: z.string() })
type Line = z.output<typeof Line>
const Placed = Line.extend({ site: z.string() })
const Reading = z.object({ sensor: z.string(), site: z.string(), celsius: z.number() })

const linesOf = (csv: string): string[][] => csv.split('\n').map((line) => line.split(','))

const extract = agent('extract', {
  input: File,
  output: z.array(Line),
  run: ({ csv }) => linesOf(csv).map(([sensor = '', value = '', unit = '']) => ({ sensor, value, unit })),
})

const salvage = agent('salvage', {
  description: 'Leaves out the lines that are broken',
  input: File,
  output: z.array(Line),
  run: ({ csv }) =>
    linesOf(csv).flatMap(([sensor, value, unit]) => (sensor && value && unit ? [{ sensor, value, unit }] : [])),
})

const registry = (name: string, sites: Readonly<Record<string, string>>) =>
  agent(name, {
    input: z.array(Line),
    output: z.array(Placed),
    run: (lines) => lines.map((line) => ({ ...line, site: sites[line.sensor] ?? '' })),
  })
const enrich = registry('enrich', { n1: 'north', n2: 'north', s1: 'south' })
const archive = registry('archive', { n1: 'north', n2: 'north', s1: 'south', w1: 'west' })

const transform = agent('transform', {
  input: z.array(Placed),
  // No number, such as NaN, does not pass.
  output: z.array(Reading),
  run: (lines) =>
    lines.map(({ sensor, site, value, unit }) => ({
      sensor,
      site,
      celsius: unit === 'F' ? Math.round(((Number(value) - 32) / 1.8) * 10) / 10 : Number(value),
    })),
})

const validate = agent('validate', {
  input: z.array(Reading),
  output: z.array(Reading),
  run: (readings) => readings,
})

const publish = agent('publish', {
  input: z.array(Reading),
  run: (readings) => {
    const bySite = Object.groupBy(readings, ({ site }) => site)
    return {
      published: readings.length,
      warmest: Object.fromEntries(
        Object.entries(bySite).map(([site, of = []]) => [site, Math.max(...of.map(({ celsius }) => celsius))]),
      ),
    }
  },
})

const data = (mender: Agent<File, Line[]>) =>
  pipeline('data', [
    stage(extract, {
      validate: (lines) =>
        lines.flatMap(({ value, unit }, at) => (value && unit ? [] : [`line ${at + 1} is not complete`])),
      fallback: mender,
    }),
    stage(enrich, {
      validate: (lines) =>
        lines.flatMap(({ sensor, site }) => (site ? [] : [`nobody knows where ${sensor} is`])),
      fallback: archive,
    }),
    transform,
    stage(validate, {
      validate: (readings) =>
        readings.flatMap(({ sensor, celsius }) =>
          celsius > -60 && celsius < 60 ? [] : [`${sensor} says ${celsius} degrees`],
        ),
    }),
    publish,
  ])

/** The team. */
export default data(salvage)

/** The same with a model that reads the files which are broken; the others need none. */
export const withModel = (model: Model) =>
  data(
    agent('salvage', {
      model,
      instructions: 'Read the measurements. A line is sensor, value, unit (C or F). Leave out what is not clear.',
      input: File,
      output: z.array(Line),
      prompt: ({ csv }) => csv,
    }),
  )
