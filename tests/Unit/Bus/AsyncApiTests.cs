using System.Text.Json.Nodes;
using Gateway.Host.Bus;
using Gateway.Host.Bus.Replay;
using Gateway.Policy.Commands;
using Gateway.Policy.Items.Schema;
using Gateway.Unit.House;
using Xunit;
using YamlDotNet.Serialization;

namespace Gateway.Unit.Bus;

/// <summary>
/// Holds <c>docs/asyncapi.yaml</c> to the code. Its schemas are made from the records: after a change of those, a run of this class with
/// GATEWAY_WRITE_DOCS=1 in the environment writes them anew.
/// </summary>
public sealed class AsyncApiTests
{
    private const string Schemas = "\n  schemas:";

    private static readonly Dictionary<string, Type> _records = new()
    {
        ["transaction"] = typeof(TransactionBody),
        ["sa_command"] = typeof(SaBody),
        ["past_command"] = typeof(PastBody),
        ["clear_sessions"] = typeof(ClearSessionsBody),
        ["outcome"] = typeof(Outcome),
        ["event"] = typeof(EventMessage),
        ["head"] = typeof(Gateway.Host.Journal.Heads.SignedHead),
        ["note"] = typeof(DeadLetterNote),
        ["replay_request"] = typeof(ReplayRequest),
        ["replay"] = typeof(ReplayBatch),
    };

    private static string File => Path.Combine(Repository.Root, "docs/asyncapi.yaml");

    [Fact]
    public void The_schemas_are_those_of_the_records()
    {
        var made = new JsonObject(_records.Select(r => KeyValuePair.Create<string, JsonNode?>(r.Key, ItemSchema.Of(r.Value))));
        made["transaction"]!["properties"]!["command"]!["enum"] = new JsonArray("transaction");
        made["sa_command"]!["properties"]!["command"]!["enum"] = new JsonArray("initiate", "rekey", "terminate");
        made["past_command"]!["properties"]!["command"]!["enum"] = new JsonArray("undo", "restore");
        made["clear_sessions"]!["properties"]!["command"]!["enum"] = new JsonArray("clear-sessions");
        if (DocsWriting.IsWanted) Write(made);
        var text = Read()["components"]!["schemas"]!;
        Assert.True(JsonNode.DeepEquals(DocsWriting.Bare(made), DocsWriting.Bare(text)), DocsWriting.Hint);
    }

    [Fact]
    public void Exchanges_queues_and_routing_keys_are_those_of_the_code()
    {
        var channels = Read()["channels"]!;
        Assert.Equal("{gateway}", Address("commands"));
        Assert.Equal(BusNames.CommandQueue("{gateway}"), Address("commandQueue"));
        Assert.Equal(BusNames.DeadLetterQueue("{gateway}"), Address("deadLetterQueue"));
        Assert.Equal(BusNames.EventKey("{gateway}", "{event}"), Address("events"));
        Assert.Equal((BusNames.Commands, "direct"), Exchange("commands"));
        Assert.Equal((BusNames.Events, "topic"), Exchange("events"));
        Assert.Equal(BusNames.HeadKey("{gateway}"), Address("heads"));
        Assert.Equal((BusNames.Events, "topic"), Exchange("heads"));
        Assert.Equal((BusNames.Events, "topic"), Exchange("outcomes"));
        Assert.Equal((BusNames.DeadLetters, "direct"), Exchange("deadLetters"));
        Assert.Equal((BusNames.Replays, "direct"), Exchange("replayRequests"));
        Assert.Equal(BusNames.ReplayQueue("{gateway}"), Address("replayQueue"));
        Assert.Equal(BusNames.ReplayQueue("{gateway}"), (string?)channels["replayQueue"]!["bindings"]!["amqp"]!["queue"]!["name"]);
        Assert.Contains($"{Topology.ReplayPatience / 1000} s", (string?)channels["replayQueue"]!["description"], StringComparison.Ordinal);
        Assert.Contains($"{ReplayAnswer.MaxBatch} events", (string?)channels["replays"]!["description"], StringComparison.Ordinal);
        Assert.Equal(BusNames.CommandQueue("{gateway}"), (string?)channels["commandQueue"]!["bindings"]!["amqp"]!["queue"]!["name"]);
        Assert.Equal(BusNames.DeadLetterQueue("{gateway}"), (string?)channels["deadLetterQueue"]!["bindings"]!["amqp"]!["queue"]!["name"]);
        var words = channels["outcomes"]!["parameters"]!["status"]!["enum"]!.AsArray().Select(w => (string?)w);
        Assert.Equal(Enum.GetValues<OutcomeStatus>().Select(s => BusNames.OutcomeKey("{gateway}", s)), words.Select(w => Address("outcomes")!.Replace("{status}", w, StringComparison.Ordinal)));
        Assert.Contains($"at most {Topology.DeliveryLimit} deliveries", (string?)channels["commandQueue"]!["description"], StringComparison.Ordinal);
        Assert.Contains($"{Topology.MaxNotes:N0}", (string?)channels["deadLetterQueue"]!["description"], StringComparison.Ordinal);

        string? Address(string channel) => (string?)channels[channel]!["address"];

        (string?, string?) Exchange(string channel) =>
            ((string?)channels[channel]!["bindings"]!["amqp"]!["exchange"]!["name"], (string?)channels[channel]!["bindings"]!["amqp"]!["exchange"]!["type"]);
    }

    [Fact]
    public void Every_reference_leads_somewhere()
    {
        var document = Read();
        var references = References(document).ToList();
        Assert.NotEmpty(references);
        foreach (var reference in references)
        {
            Assert.StartsWith("#/", reference);
            JsonNode? at = document;
            foreach (var part in reference[2..].Split('/')) at = at?[part];
            Assert.True(at is not null, reference);
        }
    }

    [Fact]
    public void The_examples_are_commands()
    {
        foreach (var message in new[] { "transaction", "saCommand", "pastCommand", "clearSessions" })
        {
            var payload = Read()["components"]!["messages"]![message]!["examples"]![0]!["payload"]!;
            var reading = CommandReader.Read(System.Text.Encoding.UTF8.GetBytes(payload.ToJsonString()), CommandLimits.Default);
            Assert.True(reading.Command is not null, reading.Errors.ToString());
        }
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(p => p is { Key: "$ref", Value: JsonValue v } ? [(string)v!] : References(p.Value)),
        JsonArray a => a.SelectMany(References),
        _ => [],
    };

    private static JsonNode Read() => DocsWriting.Yaml(System.IO.File.ReadAllText(File));

    private static void Write(JsonObject schemas)
    {
        var text = System.IO.File.ReadAllText(File);
        var yaml = new SerializerBuilder().WithQuotingNecessaryStrings().Build().Serialize(DocsWriting.Plain(schemas)!);
        var block = string.Join('\n', yaml.TrimEnd().Split('\n').Select(l => "    " + l));
        System.IO.File.WriteAllText(File, text[..text.IndexOf(Schemas, StringComparison.Ordinal)] + Schemas + "\n" + block + "\n");
    }
}
