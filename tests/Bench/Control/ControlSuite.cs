using System.Diagnostics;
using System.Globalization;
using System.Text;
using Gateway.Bench.Harness;
using Gateway.Interop.Bus;

namespace Gateway.Bench.Control;

/// <summary>
/// How many commands a second one gateway carries out durably, in order, each answered: over RabbitMQ and over HTTP, beside what its journal can store at
/// most on the same disk in the same run. Broker, gateway and sender share this machine's processors.
/// </summary>
internal sealed class ControlSuite : ISuite
{
    private const int _rounds = 5;
    private const int _commands = 6000;
    private const int _before = 16_000;

    /// <summary>Commands that the sender has sent and has no outcome of yet.</summary>
    private const int _inFlight = 512;

    private const int _httpInFlight = 64;
    private const int _singly = 400;

    public string Name => "control";

    public bool Pinned => false;

    public void Run(Report report)
    {
        CommandToPacket.RunAsync(report).GetAwaiter().GetResult();
        if (!report.Wants("rabbitmq-commands", BusSender.Size) && !report.Wants("http-commands", BusSender.Size) && !report.Wants("rabbitmq-command-p99", BusSender.Size)) return;
        if (PrivateBroker.Missing is { } missing) throw new NotHereException(missing);
        RunAsync(report).GetAwaiter().GetResult();
    }

    private static async Task RunAsync(Report report)
    {
        await using var broker = await PrivateBroker.StartAsync();
        await using var gateway = await CommandedGateway.StartAsync(broker.Uri);
        await using var sender = await BusSender.ConnectAsync(broker.Uri, gateway.Id);
        await using var journal = await JournalBound.OpenAsync();
        // A gateway that runs: until here the runtime compiles anew what turns out to be used much.
        await sender.SendAsync(await gateway.RevisionAsync(), _before, _inFlight);
        await journal.RatePerSecondAsync(2000, _inFlight);
        if (report.Wants("rabbitmq-commands", BusSender.Size)) await RatesAsync(report, "rabbitmq-commands", BusSender.Size, gateway, journal, _inFlight, async () => Rate(_commands, await sender.SendAsync(await gateway.RevisionAsync(), _commands, _inFlight)));
        if (report.Wants("http-commands", BusSender.Size)) await RatesAsync(report, "http-commands", BusSender.Size, gateway, journal, _httpInFlight, async () => Rate(_commands, await gateway.SendAsync(_commands, _httpInFlight)));
        if (report.Wants("rabbitmq-command-p99", BusSender.Size)) await SinglyAsync(report, gateway, sender);
    }

    private static async Task RatesAsync(Report report, string @case, int size, CommandedGateway gateway, JournalBound journal, int inFlight, Func<Task<double>> measure)
    {
        var (ours, theirs, processor) = (new double[_rounds], new double[_rounds], new double[_rounds]);
        for (var round = 0; round < _rounds; round++)
        {
            var before = gateway.ProcessorTime;
            ours[round] = await measure();
            processor[round] = (gateway.ProcessorTime - before).TotalMicroseconds / _commands;
            theirs[round] = await journal.RatePerSecondAsync(_commands, inFlight);
        }

        report.Note($"{@case}: the gateway took {string.Join(", ", processor.Select(p => p.ToString("0", CultureInfo.InvariantCulture)))} µs of processor time per command.");
        Array.Sort(ours);
        Array.Sort(theirs);
        var (us, them) = (new Samples(Contest.Gateway, ours), new Samples("bound", theirs));
        report.Add(new ResultLine(
            "control", @case, size, "bound", "commands/s", us.Median, us.Min, us.Max, us.Median / them.Median, them.Median, them.Min, them.Max,
            $"{inFlight} in flight; bound: the journal's group commit alone"));
    }

    /// <summary>One command at a time, from sending to the outcome, which goes out when the item is in force.</summary>
    private static async Task SinglyAsync(Report report, CommandedGateway gateway, BusSender sender)
    {
        const double bound = 50;
        var p99 = new double[_rounds];
        for (var round = 0; round < _rounds; round++)
        {
            var revision = await gateway.RevisionAsync();
            var times = new double[_singly];
            for (var i = 0; i < _singly; i++) times[i] = (await sender.SendAsync(revision + i, 1, 1)).TotalMilliseconds;
            Array.Sort(times);
            p99[round] = times[(int)(_singly * 0.99)];
        }

        Array.Sort(p99);
        var us = new Samples(Contest.Gateway, p99);
        report.Add(new ResultLine("control", "rabbitmq-command-p99", BusSender.Size, "bound", "ms", us.Median, us.Min, us.Max, bound / us.Median, bound, bound, bound, "from sending to applied, one at a time"));
    }

    private static double Rate(int commands, TimeSpan time) => commands / time.TotalSeconds;

    /// <summary>A command that is accepted at one revision only, so that every outcome proves the order.</summary>
    internal static byte[] Command(long revision, string prefix) => Encoding.UTF8.GetBytes(
        $$$"""{"id":"{{{prefix}}}-{{{revision}}}","issuer":"bench","expected_revision":{{{revision}}},"put":[{{{Route(revision)}}}]}""");

    internal static string Route(long n, string prefix = "r", int net = 10) => $$$"""{"kind":"route","name":"{{{prefix}}}{{{n % 200}}}","spec":{"to":"{{{net}}}.{{{n % 200}}}.0.0/16","via":"192.0.2.{{{1 + (n / 200 % 200)}}}"}}""";
}
