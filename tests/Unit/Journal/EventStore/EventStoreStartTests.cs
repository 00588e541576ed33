using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Xunit;

namespace Gateway.Unit.Journal.EventStore;

/// <summary>Opening a journal in a store: who is trusted, what is waited for, what is read.</summary>
public sealed class EventStoreStartTests
{
    [Fact]
    public async Task A_store_that_comes_up_meanwhile_is_waited_for()
    {
        await using var lab = await StoreLab.StartAsync();
        await lab.Leader.StopAsync();
        await using var journal = lab.Journal(o => o with { StartTimeout = TimeSpan.FromMinutes(2) });
        var opening = journal.OpenAsync(default).AsTask();
        await Task.Delay(300);
        Assert.False(opening.IsCompleted);
        await lab.Leader.StartAsync();
        Assert.Equal(JournalHead.Empty, await opening.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task The_waiting_ends_with_a_refusal_that_names_the_node_or_when_the_gateway_is_told_to_stop()
    {
        await using var lab = await StoreLab.StartAsync();
        await lab.Leader.StopAsync();
        await using (var journal = lab.Journal())
        {
            var e = await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default));
            Assert.Contains($"127.0.0.1:{lab.Leader.Port} cannot be reached", e.Message, StringComparison.Ordinal);
        }

        await using var patient = lab.Journal(o => o with { StartTimeout = Timeout.InfiniteTimeSpan });
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await patient.OpenAsync(stop.Token));
    }

    [Fact]
    public async Task A_cluster_without_a_leader_is_waited_for()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        lab.Nodes[0].IsLeader = false;
        await using var journal = lab.Journal(o => o with { StartTimeout = TimeSpan.FromMinutes(2) });
        var opening = journal.OpenAsync(default).AsTask();
        await Task.Delay(300);
        Assert.False(opening.IsCompleted);
        lab.Nodes[2].IsLeader = true;
        await opening.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Theory]
    [InlineData("gateway:wrong@", "Unauthenticated")]
    [InlineData("", "Access Denied")]
    public async Task Wrong_or_no_credentials_are_refused_at_once_and_never_told(string credentials, string says)
    {
        await using var lab = await StoreLab.StartAsync();
        lab.Leader.Credentials = "gateway:right";
        await using var journal = lab.Journal(o => o with { Uri = StoreLab.Parse(lab.Uri.Replace("esdb://", "esdb://" + credentials, StringComparison.Ordinal)), StartTimeout = Timeout.InfiniteTimeSpan });
        var e = await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_comes_from_its_file_and_may_change_while_the_gateway_runs()
    {
        await using var lab = await StoreLab.StartAsync();
        var file = Path.Combine(lab.Folder, "password");
        await File.WriteAllTextAsync(file, "first\n");
        lab.Leader.Credentials = "gateway:first";
        await using var journal = lab.Journal(o => o with { Uri = StoreLab.Parse(lab.Uri.Replace("esdb://", "esdb://gateway@", StringComparison.Ordinal)) with { PasswordFile = file } });
        var head = await journal.OpenAsync(default);
        await journal.AppendAsync(JournalContract.Batch(head, 1), default);
        await File.WriteAllTextAsync(file, "second\n");
        lab.Leader.Credentials = "gateway:second";
        await journal.AppendAsync(JournalContract.Batch(await JournalContract.HeadAsync(journal), 1), default);
        Assert.Equal(2, lab.State.Stream("gateway-test")!.Length);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_at_once()
    {
        await using var lab = await StoreLab.StartAsync(tls: true);
        await using var other = await StoreLab.StartAsync(tls: true);
        await using (var journal = lab.Journal(o => o with { Uri = o.Uri with { TlsCaFile = other.CaFile }, StartTimeout = Timeout.InfiniteTimeSpan }))
        {
            var e = await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
            Assert.Contains("TLS", e.Message, StringComparison.Ordinal);
        }

        await using var trusting = lab.Journal(o => o with { Uri = o.Uri with { TlsCaFile = null, TlsVerifyCert = false } });
        await trusting.OpenAsync(default);
    }

    [Fact]
    public async Task A_follower_that_is_named_alone_leads_to_the_leader()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using var journal = lab.Journal(o => o with { Uri = StoreLab.Parse($"esdb://127.0.0.1:{lab.Nodes[1].Port}?tls=false&defaultDeadline=2000") });
        await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 1), default);
        Assert.Contains("Append", lab.Nodes[0].Calls);
    }

    [Fact]
    public async Task A_name_with_all_nodes_behind_it_leads_to_the_leader()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        lab.Elect(2);
        await using var journal = lab.Journal(o => o with { Uri = StoreLab.Parse($"esdb+discover://localhost:{lab.Nodes[0].Port}?tls=false&defaultDeadline=2000") });
        await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 1), default);
        Assert.Contains("Append", lab.Nodes[2].Calls);
        Assert.DoesNotContain("Append", lab.Nodes[0].Calls);
    }

    [Fact]
    public async Task The_index_of_commands_spares_reading_the_stream_and_can_be_thrown_away_or_damaged()
    {
        await using var lab = await StoreLab.StartAsync();
        var keys = new List<CommandKey>();
        await using (var journal = lab.Journal())
        {
            var head = await journal.OpenAsync(default);
            for (var i = 0; i < 50; i++)
            {
                var key = new CommandKey(new Principal("cli", "uid:0"), $"command-{i}");
                var batch = JournalContract.Batch(head, 2, new EventContext(key.Principal, DateTimeOffset.UnixEpoch, key.Id));
                await journal.AppendAsync(batch with { Commands = [new RecordedCommand(key, Octets.FromHex("01"), head.Position + 1, Octets.FromHex("02"))] }, default);
                head = new JournalHead(batch.Envelopes[^1].Position, batch.Envelopes[^1].Hash);
                keys.Add(key);
            }
        }

        var index = LocalFiles.Commands(lab.StatePath);
        foreach (var harm in new Action[]
        {
            () => { },
            () => File.Delete(index),
            () => File.WriteAllText(index, "something else"),
            () => File.WriteAllBytes(index, File.ReadAllBytes(index)[..^7]),
            () => Flip(index, 30),
            () => lab.State.Change("gateway-test", 99, e => e),
        })
        {
            harm();
            await using var journal = lab.Journal();
            await journal.OpenAsync(default);
            foreach (var key in keys) Assert.Equal(key, (await journal.FindCommandAsync(key, default))?.Key);
            Assert.Null(await journal.FindCommandAsync(keys[0] with { Id = "never" }, default));
        }
    }

    private static void Flip(string file, int at)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[at] ^= 0xff;
        File.WriteAllBytes(file, bytes);
    }
}
