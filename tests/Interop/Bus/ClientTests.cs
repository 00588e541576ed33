using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>The clients that docs/bus.md shows, with the real client libraries, a real broker and the gateway's own binary.</summary>
public sealed class ClientTests
{
    private const string Command = """{"id":"ID","issuer":"orchestrator","reason":"a loopback","put":[{"kind":"interface","name":"NAME","spec":{"type":"loopback","addresses":["ADDRESS/32"]}}]}""";

    [Fact]
    public async Task A_Node_client_and_a_Python_client_command_the_gateway()
    {
        var root = RepositoryRoot();
        var binary = Path.Combine(root, "src/Gateway.Host/bin/Release/net10.0/gateway");
        Assert.SkipUnless(File.Exists(binary), $"The gateway is not built at {binary}");
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        var folder = Directory.CreateTempSubdirectory("gwcli-");
        try
        {
            var box = Path.Combine(folder.FullName, "appliance.json");
            await File.WriteAllTextAsync(box, $$$"""{"id":"{{{folder.Name.ToLowerInvariant()}}}","bus":{"kind":"rabbitmq","uri":"{{{broker.Uri}}}"},"dataplane":{"buffers":4096,"hugepages":false}}""");
            using var gateway = Process.Start(new ProcessStartInfo(binary, ["run", "--config", box]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var log = gateway.StandardError.ReadToEndAsync();
            _ = gateway.StandardOutput.ReadToEndAsync();
            try
            {
                Assert.True(
                    await BusWorld.Eventually(() => Run(binary, ["show", "gateway", "--json", "--config", box]) is { Code: 0 } shown && JsonDocument.Parse(shown.Output).RootElement.GetProperty("bus").GetString() == "connected"),
                    "The gateway does not reach the broker.");
                var id = folder.Name.ToLowerInvariant();

                Assert.SkipUnless(File.Exists("/usr/bin/python3") && Run("/usr/bin/python3", ["-c", "import pika"]).Code == 0, "Python's pika is not installed (Debian package python3-pika)");
                var python = Run("/usr/bin/python3", [Path.Combine(root, "docs/clients/python/command.py"), id, Text("p1", "lo1", "192.0.2.1")], ("AMQP_URL", broker.Uri.ToString()));
                Assert.Equal("p1 accepted 1", python.Output.Trim());
                var refused = Run("/usr/bin/python3", [Path.Combine(root, "docs/clients/python/command.py"), id, Text("p2", "lo2", "nonsense")], ("AMQP_URL", broker.Uri.ToString()));
                Assert.StartsWith("p2 rejected  interface/lo2 $.put[0].spec.addresses[0]:", refused.Output.Trim());

                Assert.SkipUnless(File.Exists("/usr/bin/npm"), "Node is not installed");
                foreach (var file in Directory.GetFiles(Path.Combine(root, "docs/clients/node"))) File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)));
                var install = Run("/usr/bin/npm", ["install", "--prefix", folder.FullName, "--no-audit", "--no-fund", "--prefer-offline"]);
                Assert.SkipUnless(install.Code == 0, $"npm cannot install amqplib: {install.Output}");
                var node = Run("/usr/bin/node", [Path.Combine(folder.FullName, "command.mjs"), id, Text("n1", "lo3", "192.0.2.3")], ("AMQP_URL", broker.Uri.ToString()));
                Assert.Equal("n1 accepted 2", node.Output.Trim());
                var again = Run("/usr/bin/node", [Path.Combine(folder.FullName, "command.mjs"), id, Text("n1", "lo3", "192.0.2.3")], ("AMQP_URL", broker.Uri.ToString()));
                Assert.Equal("n1 duplicate 2", again.Output.Trim());

                var history = Run(binary, ["history", "--json", "--config", box]).Output;
                Assert.Contains("\"bus:-\"", history, StringComparison.Ordinal);
                Assert.Contains("orchestrator", history, StringComparison.Ordinal);
            }
            finally
            {
                Process.Start("/bin/kill", ["-TERM", $"{gateway.Id}"]).WaitForExit();
                if (!gateway.WaitForExit(20_000)) gateway.Kill();
                TestContext.Current.SendDiagnosticMessage(await log);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_clients_are_shown_in_the_documentation_as_they_are()
    {
        var page = File.ReadAllText(Path.Combine(RepositoryRoot(), "docs/bus.md"));
        foreach (var client in new[] { "node/command.mjs", "python/command.py" })
            Assert.Contains(File.ReadAllText(Path.Combine(RepositoryRoot(), "docs/clients", client)).Trim(), page, StringComparison.Ordinal);
    }

    private static string Text(string id, string name, string address) => new StringBuilder(Command).Replace("ID", id).Replace("NAME", name).Replace("ADDRESS", address).ToString();

    private static (int Code, string Output) Run(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + errors.Result);
    }

    internal static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Gateway.sln"))) return folder.FullName;
        throw new InvalidOperationException("The tests must run inside the working tree that holds Gateway.sln.");
    }
}
