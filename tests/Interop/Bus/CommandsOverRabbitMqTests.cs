using System.Text;
using System.Text.Json;
using Gateway.Host.Bus;
using Gateway.Policy.Commands;
using RabbitMQ.Client;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>The command queue on a real RabbitMQ: order, idempotency, and senders that mean no good.</summary>
public sealed class CommandsOverRabbitMqTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    private const string Canary = "canary-7Q4x-never-seen-again";

    [Fact]
    public async Task Commands_in_flight_are_decided_in_the_order_of_their_sending_and_each_is_answered()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);

        // Each is accepted only at the revision that the one before it makes.
        var answers = new List<Task<JsonElement>>();
        for (var i = 0; i < 300; i++) answers.Add(sender.AskAsync(gateway.Id, Loopback($"c{i}", $"lo{i % 7}", i, expected: i)));

        var outcomes = await Task.WhenAll(answers);
        Assert.All(outcomes, o => Assert.Equal("accepted", Text(o, "status")));
        Assert.Equal(Enumerable.Range(1, 300), outcomes.Select(o => o.GetProperty("revision").GetInt32()));
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"c{i}"), outcomes.Select(o => Text(o, "id")));
    }

    [Fact]
    public async Task The_same_command_again_is_a_duplicate_and_another_under_its_id_is_refused()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);

        var first = await sender.AskAsync(gateway.Id, Loopback("one", "lo0", 1));
        var again = await sender.AskAsync(gateway.Id, Loopback("one", "lo0", 1));
        var other = await sender.AskAsync(gateway.Id, Loopback("one", "lo0", 2));

        Assert.Equal("accepted", Text(first, "status"));
        Assert.Equal("duplicate", Text(again, "status"));
        Assert.Equal(first.GetProperty("revision").GetInt32(), again.GetProperty("revision").GetInt32());
        Assert.Equal("rejected", Text(other, "status"));
        Assert.Equal("id-reused", Code(other));
    }

    [Fact]
    public async Task A_command_whose_connection_is_cut_before_the_acknowledgement_is_delivered_again_and_carried_out_once()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri, g => g.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var answers = Enumerable.Range(0, 20).Select(i => sender.AskAsync(gateway.Id, Loopback($"c{i}", $"lo{i}", i))).ToList();
        Assert.True(await BusWorld.Eventually(() => gateway.Handler.Running.Revision == 20));

        // The broker cuts the gateway's connection alone.
        var connections = await shared.Broker.CtlAsync("list_connections", "pid", "client_properties");
        var mine = connections.Split('\n').Single(l => l.Contains($"gateway {gateway.Id}", StringComparison.Ordinal)).Split('\t')[0];
        await shared.Broker.CtlAsync("close_connection", mine, "for the test");
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Lost == 1));
        gateway.Gate.SetResult();

        var outcomes = await Task.WhenAll(answers);
        Assert.All(outcomes, o => Assert.Equal("duplicate", Text(o, "status")));
        Assert.Equal(20, gateway.Handler.Running.Revision);
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Taken == 40));
    }

    [Fact]
    public async Task A_hostile_reply_address_harms_nobody_and_the_next_command_is_answered()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        string[] hostile =
        [
            "no-such-queue", "amq.rabbitmq.reply-to.forged", "rabbitmq://elsewhere/queue", BusNames.CommandQueue(gateway.Id), "amq.topic", "a\u0000b", "\r\n",
            new string('x', 255),
        ];

        foreach (var (to, i) in hostile.Select((to, i) => (to, i)))
            await sender.SendAsync(gateway.Id, Encoding.UTF8.GetBytes(Loopback($"h{i}", "lo0", i)), p => (p.ReplyTo, p.CorrelationId) = (to, new string('c', 255)));
        var good = await sender.AskAsync(gateway.Id, Loopback("good", "lo1", 1));

        Assert.Equal("accepted", Text(good, "status"));
        Assert.Equal(hostile.Length + 1, gateway.Handler.Running.Revision);
        // Of a forged direct reply-to the broker says nothing.
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.RepliesLost >= hostile.Length - 1), $"{gateway.Bus.Counters.RepliesLost}");
        Assert.Equal(0, gateway.Bus.Counters.Lost);
        Assert.Equal(hostile.Length + 1, gateway.Bus.Counters.Taken);
        // Nothing is left unacknowledged.
        await AssertEmptyAsync(BusNames.CommandQueue(gateway.Id));
    }

    [Fact]
    public async Task Headers_that_name_addresses_for_answers_and_faults_are_not_followed()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var victim = await sender.Channel.QueueDeclareAsync();
        var address = $"rabbitmq://127.0.0.1:{shared.Broker.Port}/{victim.QueueName}?bind=true";
        string[] names = ["MT-Response-Address", "MT-Fault-Address", "MT-Source-Address", "MT-Request-Id", "MT-Redelivery-Count", "x-delivery-count"];

        var outcome = await sender.AskAsync(gateway.Id, Loopback("mt", "lo0", 1), p => p.Headers = names.ToDictionary(n => n, n => (object?)(n == "x-delivery-count" ? 1000 : address)));

        Assert.Equal("accepted", Text(outcome, "status"));
        Assert.Null(await sender.Channel.BasicGetAsync(victim.QueueName, autoAck: true));
    }

    [Fact]
    public async Task A_message_of_10_MB_is_refused_by_its_size_and_leaves_a_note_without_it()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);

        var refused = await sender.AskAsync(gateway.Id, $$"""{"id":"big","reason":"{{new string('x', 10_000_000)}}{{Canary}}"}""", p => p.MessageId = "m-1");
        var next = await sender.AskAsync(gateway.Id, Loopback("next", "lo0", 1));

        Assert.Equal("too-large", Code(refused));
        Assert.Equal("accepted", Text(next, "status"));
        Assert.Equal(1, gateway.Bus.Counters.TooLarge);
        Assert.Equal(0, gateway.Bus.Counters.Lost);
        var (note, text) = Assert.Single(await NotesAsync(sender, gateway, 1));
        Assert.Equal("too-large", Text(note, "reason"));
        Assert.Equal("m-1", Text(note, "message_id"));
        Assert.True(note.GetProperty("size").GetInt64() > 10_000_000);
        Assert.DoesNotContain(Canary, text);
        Assert.True(text.Length < 1000);
    }

    [Fact]
    public async Task What_is_no_command_gets_one_clear_error_and_a_note_and_is_not_kept()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);

        var noJson = await sender.AskAsync(gateway.Id, $"{{\"id\": {Canary}");
        var noId = await sender.AskAsync(gateway.Id, """{"put":[]}""");
        var noText = await sender.AskAsync(gateway.Id, "");
        var unknown = await sender.AskAsync(gateway.Id, """{"id":"u","put":[{"kind":"interfaze","name":"wan","spec":{}}]}""");

        Assert.Equal("malformed-json", Code(noJson));
        Assert.Equal("missing-field", Code(noId));
        Assert.Equal("malformed-json", Code(noText));
        Assert.Equal("unknown-kind", Code(unknown));
        var notes = await NotesAsync(sender, gateway, 3);
        Assert.Equal(["malformed-json", "missing-field", "malformed-json"], notes.Select(n => Text(n.Note, "reason")));
        Assert.Equal(0u, (await sender.Channel.QueueDeclarePassiveAsync(BusNames.CommandQueue(gateway.Id))).MessageCount);
        // Only what had an id is in the journal.
        Assert.Equal(["command.rejected.v1"], (await gateway.StoredAsync()).Select(e => e.Name));
    }

    [Fact]
    public async Task A_secret_goes_into_the_vault_and_is_in_no_message_and_no_line_of_the_log()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        await sender.FollowAsync(BusNames.Events, "#");
        await sender.FollowAsync(BusNames.DeadLetters, gateway.Id);
        var put = $$$"""{"id":"s1","put":[{"kind":"secret","name":"psk","spec":{"type":"ike","ids":["a","b"],"secret":"{{{Canary}}}"}}]}""";

        await sender.AskAsync(gateway.Id, put);
        await sender.AskAsync(gateway.Id, put);
        await sender.AskAsync(gateway.Id, put.Replace("\"a\"", "\"c\"", StringComparison.Ordinal));
        await sender.AskAsync(gateway.Id, put.Replace("s1", "s2", StringComparison.Ordinal).Replace("\"ike\"", "\"ikke\"", StringComparison.Ordinal));
        await sender.AskAsync(gateway.Id, put.Replace("s1", "s3", StringComparison.Ordinal).Replace("\"ids\"", $"\"unknown\":\"{Canary}\",\"ids\"", StringComparison.Ordinal));
        await sender.AskAsync(gateway.Id, put[..^3]);
        await sender.AskAsync(gateway.Id, put.Replace("\"id\":\"s1\",", "", StringComparison.Ordinal));
        await sender.AskAsync(gateway.Id, put.Replace("put", "mode\":\"plan\",\"put", StringComparison.Ordinal).Replace("s1", "s4", StringComparison.Ordinal));
        await sender.SendAsync(gateway.Id, Encoding.UTF8.GetBytes(put), p => p.ReplyTo = "nowhere");
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Taken == 9 && gateway.Bus.Counters.RepliesLost == 1));
        Assert.True(await BusWorld.Eventually(() => sender.Heard.Any(h => h.Contains("config.secret-put.v1", StringComparison.Ordinal))));
        Assert.True(await BusWorld.Eventually(() => sender.Heard.Count(h => h.StartsWith("outcome.", StringComparison.Ordinal)) == 7));

        Assert.Contains(gateway.Vault.Values.Values, v => Encoding.UTF8.GetString(v) == Canary);
        Assert.DoesNotContain(sender.Heard, h => h.Contains(Canary, StringComparison.Ordinal));
        Assert.DoesNotContain(gateway.Log, l => l.Contains(Canary, StringComparison.Ordinal));
        await AssertEmptyAsync(BusNames.CommandQueue(gateway.Id));
    }

    [Fact]
    public async Task A_command_for_which_there_can_be_no_outcome_stays_in_the_queue_until_there_can()
    {
        var tries = 0;
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri, g => g.Trouble = _ => Interlocked.Increment(ref tries) > 3 ? null : new Outcome
        {
            Id = "later",
            Status = OutcomeStatus.Rejected,
            Errors = [new CommandError("", "$", ErrorCode.Unavailable, "The journal cannot be written.")],
        });
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);

        var outcome = await sender.AskAsync(gateway.Id, Loopback("later", "lo0", 1));

        Assert.Equal("accepted", Text(outcome, "status"));
        Assert.Equal(3, gateway.Bus.Counters.Lost);
        Assert.Contains(gateway.Log, l => l.Contains("The journal cannot be written", StringComparison.Ordinal));
        Assert.Equal(0, gateway.Bus.Counters.Notes);
    }

    [Fact]
    public async Task A_message_on_which_the_gateway_fails_every_time_is_given_up_with_a_note_and_holds_up_nothing()
    {
        await using var gateway = await BusWorld.StartAsync(
            shared.Broker.Uri, g => g.Trouble = body => body.Contains(Canary, StringComparison.Ordinal) ? throw new InvalidOperationException(Canary) : null);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);

        var poison = sender.AskAsync(gateway.Id, $$"""{"id":"{{Canary}}","put":[]}""", p => p.MessageId = "poison");
        var behind = await sender.AskAsync(gateway.Id, Loopback("behind", "lo0", 1));
        var given = await poison;

        Assert.Contains(Text(behind, "status"), new[] { "accepted", "duplicate" });
        Assert.Equal("unavailable", Code(given));
        Assert.Equal(1, gateway.Bus.Counters.GivenUp);
        var (note, text) = Assert.Single(await NotesAsync(sender, gateway, 1));
        Assert.Equal("poison", Text(note, "message_id"));
        Assert.Equal(10, note.GetProperty("delivered_before").GetInt32());
        Assert.DoesNotContain(Canary, text);
        Assert.DoesNotContain(gateway.Log, l => l.Contains(Canary, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_principal_is_the_user_that_the_broker_vouches_for_and_nothing_that_the_message_says()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var events = await sender.FollowAsync(BusNames.Events, $"event.{gateway.Id}.config.interface-put.v1");

        await sender.AskAsync(gateway.Id, Loopback("known", "lo0", 1), p => p.UserId = "guest");
        await sender.AskAsync(gateway.Id, Loopback("unknown", "lo1", 2).Replace("{\"id\"", "{\"issuer\":\"root\",\"id\"", StringComparison.Ordinal), p => p.AppId = "root");

        Assert.True(await BusWorld.Eventually(() => events.Count == 2));
        Assert.Equal(["bus:user:guest", "bus:-"], events.Select(e => Text(e.Body, "principal")));
        Assert.Equal(["known", "unknown"], events.Select(e => Text(e.Body, "command_id")));
        Assert.Equal("root", Text(events.Last().Body, "issuer"));
    }

    [Fact]
    public async Task An_answer_also_goes_by_direct_reply_to()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var sender = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await sender.ConsumeAsync("amq.rabbitmq.reply-to", (delivery, text) => answer.TrySetResult($"{delivery.BasicProperties.CorrelationId} {text}"));

        await sender.SendAsync(gateway.Id, Encoding.UTF8.GetBytes(Loopback("direct", "lo0", 1)), p => (p.ReplyTo, p.CorrelationId) = ("amq.rabbitmq.reply-to", "42"));

        Assert.StartsWith("42 {\"id\":\"direct\",\"status\":\"accepted\"", await answer.Task.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    private async Task AssertEmptyAsync(string queue)
    {
        var queues = "";
        for (var i = 0; i < 20 && !queues.Contains($"{queue}\t0", StringComparison.Ordinal); i++) queues = await shared.Broker.CtlAsync("list_queues", "name", "messages");
        Assert.Contains($"{queue}\t0", queues);
    }

    private static string Loopback(string id, string name, int n, int? expected = null) =>
        $$$"""{"id":"{{{id}}}",{{{(expected is null ? "" : $"\"expected_revision\":{expected},")}}}"put":[{"kind":"interface","name":"{{{name}}}","spec":{"type":"loopback","addresses":["10.{{{name[2..]}}}.{{{n / 250}}}.{{{(n % 250) + 1}}}/32"]}}]}""";

    private static string? Text(JsonElement of, string member) => of.TryGetProperty(member, out var value) ? value.ToString() : null;

    private static string? Code(JsonElement outcome) => Text(outcome.GetProperty("errors")[0], "code");

    private static async Task<List<(JsonElement Note, string Text)>> NotesAsync(Orchestrator sender, BusWorld gateway, int count)
    {
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Notes >= count));
        var notes = new List<(JsonElement, string)>();
        while (await sender.Channel.BasicGetAsync(BusNames.DeadLetterQueue(gateway.Id), autoAck: true) is { } message)
        {
            var text = Encoding.UTF8.GetString(message.Body.Span);
            notes.Add((JsonDocument.Parse(text).RootElement, text));
        }

        return notes;
    }
}
