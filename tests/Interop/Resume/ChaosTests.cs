using System.Globalization;
using System.Text.Json.Nodes;
using Gateway.Host.Journal;
using Gateway.Interop.Bus;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Interop.Resume;

/// <summary>
/// The gateway and its broker are killed again and again, at any moment, also while they start, with packets in the tunnel and commands on the bus.
/// </summary>
public sealed class ChaosTests
{
    [Theory]
    [InlineData(20)]
    public Task Whatever_is_killed_nothing_acknowledged_is_lost_and_the_tunnel_stays_the_same(int kills) => PlayAsync(kills);

    [Fact]
    [Trait("set", "quick")]
    public Task A_few_kills_lose_nothing() => PlayAsync(3);

    private static async Task PlayAsync(int kills)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var lab = new LabCase { ConnectionLines = KillAndResumeTests.Patience };
        using var net = new LabNet(leftIsBare: true);
        await using var broker = await PrivateBroker.StartAsync(net.Left, TestContext.Current.CancellationToken);
        using var gateway = new GatewayProcess(net.Left, Place.Left, lab.LeftConf(), appliance: box => box["bus"] = new JsonObject { ["kind"] = "rabbitmq", ["uri"] = broker.Uri.ToString() });
        using var peer = new StrongSwanPeer(net.Right, lab.RightConf());
        try
        {
            await PlayAsync(kills, random, net, broker, gateway, peer);
        }
        catch
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}\n--- gateway\n{gateway.Account()}\n--- strongSwan\n{peer.Log}");
            throw;
        }
    }

    private static async Task PlayAsync(int kills, Random random, LabNet net, PrivateBroker broker, GatewayProcess gateway, StrongSwanPeer peer)
    {
        Assert.True(gateway.Initiate(out var said), said);
        Assert.True(net.Pings() && net.PingsBack());
        var (before, quiet) = (Assert.Single(peer.Sas()), peer.Log.Length);
        using var capture = new PacketCapture(net.Net, "left");
        using var there = net.RightHost.Start($"ping -q -i 0.01 -s 300 {LabNet.LeftHostAddress}");
        using var back = net.LeftHost.Start($"ping -q -i 0.01 -s 300 {LabNet.RightHostAddress}");
        using var enough = new CancellationTokenSource();
        var acknowledged = CommandAsync(broker.Uri, GatewayId(gateway), net.Left, enough.Token);

        for (var kill = 0; kill < kills; kill++)
        {
            await Task.Delay(random.Next(200, 1500));
            // Now and then both, in either order.
            var (thisOne, theOther) = (random.Next(3) > 0, random.Next(3) == 0);
            if (thisOne || theOther) gateway.Vanish();
            if (!thisOne || theOther) await broker.KillAsync();
            if (thisOne || theOther)
            {
                gateway.Launch();
                if (random.Next(2) == 0)
                {
                    // Also while it starts.
                    await Task.Delay(random.Next(0, 1500));
                    gateway.Vanish();
                    gateway.Launch();
                }
            }

            if (!thisOne || theOther) await broker.StartAgainAsync();
            gateway.AwaitReady();
        }

        // What is on its way comes to its end.
        var count = acknowledged.Ids.Count;
        Netns.Await(() => acknowledged.Ids.Count >= count + 5, "commands are carried out again", 120);
        await enough.CancelAsync();
        await acknowledged.Done;
        there.Terminate();
        back.Terminate();

        // The tunnel is the one that it was.
        Assert.True(net.Pings() && net.PingsBack());
        var after = Assert.Single(peer.Sas());
        Assert.Equal((before.InitiatorSpi, before.ResponderSpi), (after.InitiatorSpi, after.ResponderSpi));
        Assert.Equal(Assert.Single(before.Children).SpiIn, Assert.Single(after.Children).SpiIn);
        foreach (var word in (string[])["IKE_SA_INIT", "IKE_AUTH", "CREATE_CHILD_SA", "received DELETE", "giving up"]) Assert.DoesNotContain(word, peer.Log[quiet..], StringComparison.Ordinal);
        capture.Stop();
        var wire = Wire.Read(capture.File);
        wire.AssertNoSequenceTwice();
        wire.AssertNoIvTwice();
        Assert.DoesNotContain(wire.Clear, p => p.From.ToString().StartsWith("10.", StringComparison.Ordinal));

        // Every acknowledged command is in the journal, once.
        Assert.Contains("\"intact\": true", gateway.MustCli("verify", "--json"), StringComparison.Ordinal);
        var committed = new Dictionary<string, int>();
        await using (IJournal journal = SqliteJournal.OpenForReading(gateway.In("journal.db")))
            await foreach (var e in journal.ReadAsync(1, CancellationToken.None))
                if (e is { Name: "config.transaction-committed.v1", CommandId: { } id }) committed[id] = committed.GetValueOrDefault(id) + 1;
        Assert.NotEmpty(acknowledged.Ids);
        foreach (var id in acknowledged.Ids) Assert.True(committed.GetValueOrDefault(id) == 1, $"command {id} is in the journal {committed.GetValueOrDefault(id)} times");
        Assert.All(committed, c => Assert.Equal(1, c.Value));
    }

    private sealed record Acknowledged(List<string> Ids, Task Done);

    // One command after the other; each is sent again under its id until it is answered.
    private static Acknowledged CommandAsync(Uri broker, string gateway, Netns ns, CancellationToken stop)
    {
        var ids = new List<string>();
        return new Acknowledged(ids, Task.Run(async () =>
        {
            for (var number = 1; !stop.IsCancellationRequested;)
            {
                try
                {
                    await using var sender = await Orchestrator.ConnectAsync(broker, ns).WaitAsync(TimeSpan.FromSeconds(10), stop);
                    while (!stop.IsCancellationRequested)
                    {
                        var outcome = await sender.AskAsync(gateway, Loopback(number)).WaitAsync(TimeSpan.FromSeconds(5), stop);
                        var status = outcome.GetProperty("status").GetString();
                        if (status is not ("accepted" or "duplicate")) throw new InvalidOperationException($"command {number}: {outcome}");
                        lock (ids) ids.Add(Id(number));
                        number++;
                    }
                }
                catch (Exception e) when (e is not InvalidOperationException { Message: ['c', ..] })
                {
                    // No broker, no gateway, no answer: once more.
                    await Task.Delay(200, CancellationToken.None);
                }
            }
        }, CancellationToken.None));
    }

    private static string Id(int number) => string.Create(CultureInfo.InvariantCulture, $"chaos-{number}");

    private static string Loopback(int number) => new JsonObject
    {
        ["id"] = Id(number),
        ["put"] = new JsonArray(new JsonObject
        {
            ["kind"] = "interface",
            ["name"] = $"lo{number % 10}",
            ["spec"] = new JsonObject { ["type"] = "loopback", ["addresses"] = new JsonArray($"172.16.{number / 250 % 250}.{1 + (number % 250)}/32") },
        }),
    }.ToJsonString();

    private static string GatewayId(GatewayProcess gateway) => (string)JsonNode.Parse(File.ReadAllText(gateway.In("appliance.json")))!["id"]!;
}
