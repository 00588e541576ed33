using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Gateway.Host.Bus;
using Gateway.Host.Journal;
using Gateway.Policy.Events;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>
/// What goes wrong while commands stream in: the broker dies, its disk is full, the journal's disk is full, messages come in another order. In the end every
/// command is in the journal once, and each sender's in the order in which it sent them.
/// </summary>
public sealed class TroubleUnderLoadTests
{
    [Fact]
    public async Task A_broker_that_is_killed_again_and_again_under_load_loses_doubles_and_reorders_nothing()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var broker = await PrivateBroker.StartAsync(stop);
        await using var gateway = await BusWorld.StartAsync(broker.Uri);
        await gateway.ConnectedAsync();
        using var enough = new CancellationTokenSource();
        var sending = Task.Run(() => SendStubbornlyAsync(broker.Uri, gateway.Id, enough.Token), stop);

        for (var kill = 0; kill < 4; kill++)
        {
            var before = gateway.Handler.Running.Revision;
            Assert.True(await BusWorld.Eventually(() => gateway.Handler.Running.Revision > before + 100), $"kill {kill}: {gateway.Bus.Status}");
            await broker.KillAsync();
            await broker.StartAgainAsync(stop);
        }

        var last = gateway.Handler.Running.Revision;
        Assert.True(await BusWorld.Eventually(() => gateway.Handler.Running.Revision > last + 100), gateway.Bus.Status);
        await enough.CancelAsync();
        var confirmed = await sending;
        await using var sender = await Orchestrator.ConnectAsync(broker.Uri);
        // Behind everything that was confirmed: when this is answered, the others are.
        await sender.AskAsync(gateway.Id, Loopback("end", 0));

        var stored = await AcceptedAsync(gateway);
        var numbers = stored.Where(id => id != "end").Select(int.Parse).ToList();
        Assert.Equal(Enumerable.Range(0, numbers.Count), numbers);
        Assert.True(numbers.Count >= confirmed, $"{numbers.Count} are stored, {confirmed} were confirmed");
        Assert.True(gateway.Bus.Counters.Lost >= 4);
        // And every event is with the broker.
        var head = (await gateway.StoredAsync())[^1].Position;
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Events >= head));
    }

    [Fact]
    public async Task A_broker_without_disk_holds_everything_up_and_loses_nothing()
    {
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        await using var gateway = await BusWorld.StartAsync(broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(broker.Uri);
        var first = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => sender.AskAsync(gateway.Id, Loopback($"{i}", i))));
        Assert.All(first, o => Assert.Equal("accepted", o.GetProperty("status").GetString()));

        await broker.CtlAsync("set_disk_free_limit", "500000000000000");
        await gateway.ByHandAsync(Loopback("hand", 1, "by-hand"));
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Status.Contains("takes no messages", StringComparison.Ordinal)), gateway.Bus.Status);
        var held = Enumerable.Range(20, 200).Select(i => sender.AskAsync(gateway.Id, Loopback($"{i}", i))).ToList();
        // The other doors do not notice.
        for (var i = 0; i < 50; i++) await gateway.ByHandAsync(Loopback($"hand{i}", i, "by-hand"));
        var before = gateway.Bus.Counters.Events;
        await broker.CtlAsync("set_disk_free_limit", "1MB");

        var late = await Task.WhenAll(held);
        Assert.All(late, o => Assert.Equal("accepted", o.GetProperty("status").GetString()));
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Status == "connected"), gateway.Bus.Status);
        var stored = await gateway.StoredAsync();
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Events >= stored.Count));
        Assert.Equal(Enumerable.Range(0, 220).Select(i => $"{i}"), (await AcceptedAsync(gateway)).Where(id => !id.StartsWith("hand", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_journal_without_disk_leaves_commands_in_the_queue_and_takes_them_when_there_is_room()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small file system needs root");
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        using var disk = new SmallDisk(megabytes: 3);
        await using var journal = new SqliteJournal(Path.Combine(disk.Path, "journal.db"));
        await using var gateway = await BusWorld.StartAsync(broker.Uri, journal: journal);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(broker.Uri);
        Assert.Equal("accepted", (await sender.AskAsync(gateway.Id, Loopback("0", 0))).GetProperty("status").GetString());

        disk.Fill();
        var held = Enumerable.Range(1, 300).Select(i => sender.AskAsync(gateway.Id, Loopback($"{i}", i))).ToList();
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.TriedAgain > 0), gateway.Bus.Status);
        var full = gateway.Handler.Running.Revision;
        Assert.True(full < 301);
        disk.Empty();

        foreach (var outcome in await Task.WhenAll(held)) Assert.Contains(outcome.GetProperty("status").GetString(), new[] { "accepted", "duplicate" });
        Assert.Equal(301, gateway.Handler.Running.Revision);
        // A command may have been tried again behind later ones, but none is there twice.
        Assert.Equal(Enumerable.Range(0, 301), (await AcceptedAsync(gateway)).Select(int.Parse).Order());
    }

    [Fact]
    public async Task Messages_that_somebody_put_back_in_another_order_are_decided_once_each_and_never_upon_a_state_they_do_not_expect()
    {
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        await using var gateway = await BusWorld.StartAsync(broker.Uri);
        await gateway.ConnectedAsync();
        await gateway.Bus.DisposeAsync();
        await using var sender = await Orchestrator.ConnectAsync(broker.Uri);
        var answers = Enumerable.Range(0, 30).Select(i => sender.AskAsync(gateway.Id, Loopback($"{i}", i, expected: i))).ToList();
        // Somebody with too many rights reads the queue, and gives the messages back one by one, the last first.
        var queue = BusNames.CommandQueue(gateway.Id);
        var tags = new ConcurrentQueue<ulong>();
        var consumer = new AsyncEventingBasicConsumer(sender.Channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            tags.Enqueue(delivery.DeliveryTag);
            return Task.CompletedTask;
        };
        var name = await sender.Channel.BasicConsumeAsync(queue, autoAck: false, consumer);
        Assert.True(await BusWorld.Eventually(() => tags.Count == 30));
        await sender.Channel.BasicCancelAsync(name);
        foreach (var tag in tags.Reverse()) await sender.Channel.BasicNackAsync(tag, multiple: false, requeue: true);
        await gateway.StartBusAsync(broker.Uri);

        var outcomes = await Task.WhenAll(answers);
        Assert.All(outcomes, o => Assert.True(o.GetProperty("status").GetString() == "accepted" || o.GetProperty("errors")[0].GetProperty("code").GetString() == "wrong-revision", o.ToString()));
        var accepted = await AcceptedAsync(gateway);
        Assert.Equal(accepted.Count, gateway.Handler.Running.Revision);
        // What was accepted was accepted at just the revision that it expected.
        Assert.Equal(Enumerable.Range(0, accepted.Count).Select(i => $"{i}"), accepted);
        Assert.Equal(30, outcomes.Length);
    }

    [Fact]
    public async Task A_reply_queue_that_takes_nothing_does_not_hold_up_the_commands_of_others()
    {
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        await using var gateway = await BusWorld.StartAsync(broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(broker.Uri);
        // Full, and refusing.
        await sender.Channel.QueueDeclareAsync("full", durable: false, exclusive: true, autoDelete: true, new Dictionary<string, object?> { ["x-max-length"] = 1, ["x-overflow"] = "reject-publish" });
        for (var i = 0; i < 300; i++) await sender.SendAsync(gateway.Id, Encoding.UTF8.GetBytes(Loopback($"f{i}", i)), p => (p.ReplyTo, p.CorrelationId) = ("full", "1"));
        var good = await sender.AskAsync(gateway.Id, Loopback("good", 1));
        Assert.Equal("accepted", good.GetProperty("status").GetString());
        Assert.Equal(301, gateway.Handler.Running.Revision);
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.RepliesLost >= 298), $"{gateway.Bus.Counters.RepliesLost}");
        Assert.Equal(0, gateway.Bus.Counters.Lost);
    }

    /// <summary>Sends commands 0, 1, 2 … and, whenever the connection breaks, goes on from the first that was not confirmed. Gives how many were.</summary>
    private static async Task<int> SendStubbornlyAsync(Uri broker, string gateway, CancellationToken enough)
    {
        const int window = 64;
        var confirmed = 0;
        while (!enough.IsCancellationRequested)
        {
            try
            {
                await using var connection = await new ConnectionFactory { Uri = broker, AutomaticRecoveryEnabled = false, ContinuationTimeout = TimeSpan.FromSeconds(5) }.CreateConnectionAsync(enough);
                await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), enough);
                while (!enough.IsCancellationRequested)
                {
                    var batch = Enumerable.Range(confirmed, window).Select(i => channel.BasicPublishAsync(
                        "gateway.commands", gateway, mandatory: true, new BasicProperties { Persistent = true, MessageId = $"{i}" }, Encoding.UTF8.GetBytes(Loopback($"{i}", i))).AsTask()).ToList();
                    // In order: what is behind one that failed is sent again with it.
                    foreach (var one in batch)
                    {
                        await one.WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None);
                        confirmed++;
                    }
                }
            }
            catch (Exception e) when (e is OperationInterruptedException or BrokerUnreachableException or AlreadyClosedException or PublishException or IOException or TimeoutException or OperationCanceledException or ConnectFailureException)
            {
                await Task.Delay(200, CancellationToken.None);
            }
        }

        return confirmed;
    }

    /// <summary>The ids of accepted transactions, in the order of the journal.</summary>
    private static async Task<List<string>> AcceptedAsync(BusWorld gateway) =>
        [.. (await gateway.StoredAsync()).Where(e => e.Name == EventCatalog.NameOf(new TransactionCommitted(1, 0, null))).Select(e => e.CommandId!)];

    private static string Loopback(string id, int n, string name = "lo", int? expected = null) =>
        $$$"""{"id":"{{{id}}}",{{{(expected is null ? "" : $"\"expected_revision\":{expected},")}}}"put":[{"kind":"interface","name":"{{{name}}}{{{n % 20}}}","spec":{"type":"loopback","addresses":["10.{{{(name == "lo" ? 1 : 2)}}}{{{n % 20}}}.{{{n / 200 % 250}}}.{{{1 + (n % 200)}}}/32"]}}]}""";

    /// <summary>A file system of a few megabytes.</summary>
    private sealed class SmallDisk : IDisposable
    {
        private readonly string _filler;

        public SmallDisk(int megabytes)
        {
            Path = Directory.CreateTempSubdirectory("gwdisk-").FullName;
            _filler = System.IO.Path.Combine(Path, "filler");
            Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", Path);
        }

        public string Path { get; }

        public void Fill()
        {
            using var file = new FileStream(_filler, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            try
            {
                for (var block = 4096; block >= 1; block /= 16)
                {
                    try
                    {
                        while (true)
                        {
                            file.Write(new byte[block]);
                            file.Flush();
                        }
                    }
                    catch (IOException)
                    {
                        // Full, for blocks of this size.
                    }
                }
            }
            catch (IOException)
            {
                // Full.
            }
        }

        public void Empty() => File.Delete(_filler);

        public void Dispose()
        {
            Run("umount", "-l", Path);
            Directory.Delete(Path);
        }

        private static void Run(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments))!;
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        }
    }
}
