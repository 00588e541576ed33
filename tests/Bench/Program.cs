using Gateway.Bench.Aead;
using Gateway.Bench.Control;
using Gateway.Bench.Esp;
using Gateway.Bench.Graph;
using Gateway.Bench.Harness;
using Gateway.Bench.Ike;
using Gateway.Bench.Io;
using Gateway.Bench.Journal;
using Gateway.Bench.Restart;
using Gateway.Bench.Tunnel;

// Usage: dotnet run -c Release --project tests/Bench -- <suite> [<suite> …] [--json] [--case TEXT]
ISuite[] suites =
[
    new AeadSuite(),
    new EspSuite(),
    new GraphSuite(),
    new IkeSuite(),
    new TunnelSuite(),
    new IoSuite(),
    new RestartSuite(),
    new JournalSuite(),
    new ControlSuite(),
];

var filterAt = Array.IndexOf(args, "--case");
var filter = filterAt >= 0 && filterAt + 1 < args.Length ? args[filterAt + 1] : null;
var wanted = args.Where((a, i) => !a.StartsWith('-') && (filterAt < 0 || i != filterAt + 1)).ToList();
var unknown = wanted.Where(w => suites.All(s => s.Name != w)).ToList();
if (wanted.Count == 0 || unknown.Count > 0)
{
    Console.Error.WriteLine($"{(unknown.Count > 0 ? $"There is no suite {string.Join(", ", unknown)}. " : "")}Suites: {string.Join(", ", suites.Select(s => s.Name))}. Usage: <suite> [<suite> …] [--json] [--case TEXT]");
    return 2;
}
var report = new Report(args.Contains("--json"), filter);
foreach (var suite in suites.Where(s => wanted.Contains(s.Name)))
{
    if (suite.Pinned) Machine.Pin();
    else Machine.Unpin();
    try
    {
        suite.Run(report);
    }
    catch (NotHereException e)
    {
        Console.Error.WriteLine($"{suite.Name}: {e.Message}");
        return 1;
    }
}

return 0;
