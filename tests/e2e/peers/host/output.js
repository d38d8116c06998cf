// Printing. Writes to a pipe or a file are synchronous, so a line that was printed stays printed whatever kills the program next.

// `name` begins each line on the standard error.
export function printer(name) {
  return {
    event: (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`),
    failure: (text) => process.stderr.write(`${name}: ${text}\n`),
  };
}

// Runs `main(print)`. What it throws is printed, and ends the program.
export async function runMain(name, isUsage, main) {
  const print = printer(name);
  try {
    await main(print);
  } catch (error) {
    const [message] = error.message.replace(/^page\.evaluate: Error: /, "").split("\n"); // without the page's stack
    print.failure(isUsage(error) ? `${message} See: tests/e2e/peers/README.md` : message);
    process.exit(isUsage(error) ? 2 : 1);
  }
}
