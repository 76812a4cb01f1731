// The pipeline of TestTypeScriptSDK: a step in a checkout stores facts in a database, which is a service, and other steps read them.
// It prints the result as JSON.
import { connection, dag } from "@dagger.io/dagger"

const [repository, branch, nonce] = process.argv.slice(2)

await connection(async () => {
  const machine = dag.container().withRootfs(dag.host().directory("machine")).withEnvVariable("NONCE", nonce)
  const database = machine
    .withExposedPort(6379)
    .asService({ args: ["redis-server", "--protected-mode", "no", "--save", "", "--dir", "/tmp"] })

  const token = dag.setSecret("git-token", process.env["GIT_TOKEN"] ?? "")
  const ref = dag.git(repository, { httpAuthUsername: "ci", httpAuthToken: token }).branch(branch)
  const tree = ref.tree()

  const client = machine.withServiceBinding("database", database)
  const stored = await client
    .withMountedDirectory("/src", tree)
    .withWorkdir("/src")
    .withSecretVariable("GIT_TOKEN", token)
    .withExec(["sh", "-c", 'for file in $(find . -name "*.txt"); do redis-cli -h database HSET sums "$file" "$(sha256sum <"$file")"; done'])
    .withExec(["sh", "-c", 'echo "the token is $GIT_TOKEN"; redis-cli -h database SET head "$(cat .git/refs/heads/main)"'])
    .stdout()
  const sums = await client.withExec(["redis-cli", "-h", "database", "HGETALL", "sums"]).stdout()
  const head = await client.withExec(["redis-cli", "-h", "database", "GET", "head"]).stdout()

  let failure = ""
  try {
    await client.withExec(["sh", "-c", "redis-cli -h database SHUTDOWN; redis-cli -h database GET head"]).sync()
  } catch (error) {
    failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
  console.log(JSON.stringify({ commit: await ref.commit(), entries: await tree.entries(), stored, sums, head, failure }))
})
