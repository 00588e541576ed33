using Gateway.Bench.Aead;
using Gateway.Bench.Harness;

// Usage: dotnet run -c Release --project tests/Bench -- <suite> [<suite> …] [--json]
ISuite[] suites =
[
    new AeadSuite(),
];

var wanted = args.Where(a => !a.StartsWith('-')).ToList();
var unknown = wanted.Where(w => suites.All(s => s.Name != w)).ToList();
if (wanted.Count == 0 || unknown.Count > 0)
{
    Console.Error.WriteLine($"{(unknown.Count > 0 ? $"There is no suite {string.Join(", ", unknown)}. " : "")}Suites: {string.Join(", ", suites.Select(s => s.Name))}. Usage: <suite> [<suite> …] [--json]");
    return 2;
}
Machine.Pin();
var report = new Report(args.Contains("--json"));
foreach (var suite in suites.Where(s => wanted.Contains(s.Name))) suite.Run(report);
return 0;
