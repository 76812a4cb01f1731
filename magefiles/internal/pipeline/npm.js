// Runs the command of its arguments, npm, with the same output. Of npm's log of requests only a refused certificate is shown, which also ends it.
const { spawn } = require("child_process");
const refused = /attempt \d+ failed with (\S*CERT\S*|UNABLE_TO_\S+)/;
const env = { NPM_CONFIG_LOGLEVEL: "http", ...process.env };
const npm = spawn(process.argv[2], process.argv.slice(3), { env, stdio: ["ignore", "inherit", "pipe"] });
let failed = false;
require("readline").createInterface({ input: npm.stderr }).on("line", (line) => {
  if (!line.startsWith("npm http ")) {
    console.error(line);
  } else if (!failed && refused.test(line)) {
    failed = true;
    console.error(line);
    npm.kill("SIGKILL");
  }
});
npm.on("error", (error) => {
  console.error(String(error));
  process.exitCode = 127;
});
npm.on("close", (code) => {
  process.exitCode = failed ? 1 : (code ?? 1);
});
