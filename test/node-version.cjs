/**
 * Stops `npm start` and `npm test` on a Node that is too old, and says what to do. The devDependency `node`
 * brings the right one; npm leaves it out where install scripts are blocked. Plain CommonJS,
 * so that it runs on any Node.
 */
'use strict'

const needed = [22, 18]
const found = process.versions.node.split('.').map(Number)

if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error(
    [
      'Troupe needs Node ' + needed.join('.') + ' or newer, and this is ' + process.version + ':',
      process.execPath,
      '',
      'The project brings its own Node 24, which npm puts in place with an install script.',
      'That script did not run. Install again with scripts allowed:',
      '',
      '    npm ci --ignore-scripts=false',
      '',
      'then use npm run, npm test, npm start or npx, which all take that Node.',
    ].join('\n'),
  )
  process.exit(1)
}
