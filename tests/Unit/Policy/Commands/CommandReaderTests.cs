using System.Text;
using System.Text.Json;
using Gateway.Policy.Commands;
using Xunit;

namespace Gateway.Unit.Policy.Commands;

public sealed class CommandReaderTests
{
    public static TheoryData<string, string, string> WrongMessages => new()
    {
        { "", "$", "malformed-json" },
        { "{", "$", "malformed-json" },
        { "hello", "$", "malformed-json" },
        { """{"id":"1"} {"id":"2"}""", "$", "malformed-json" },
        { """{"id":"1",}""", "$", "malformed-json" },
        { """{"id":"1"/* no */}""", "$", "malformed-json" },
        { """{"id":"1","reason":"\ud800"}""", "$", "malformed-json" },
        { """{"id":"1","\ud800":1}""", "$", "malformed-json" },
        { "[]", "$", "wrong-type" },
        { "7", "$", "wrong-type" },
        { "null", "$", "wrong-type" },
        { "{}", "$.id", "missing-field" },
        { """{"put":[]}""", "$.id", "missing-field" },
        { """{"id":7}""", "$.id", "wrong-type" },
        { """{"id":null}""", "$.id", "wrong-type" },
        { """{"id":""}""", "$.id", "invalid-value" },
        { """{"id":"a\u0000b"}""", "$.id", "invalid-value" },
        { """{"id":"1","id":"2"}""", "$.id", "duplicate-member" },
        { """{"id":"1","puts":[]}""", "$.puts", "unknown-field" },
        { """{"id":"1","put":{}}""", "$.put", "wrong-type" },
        { """{"id":"1","put":null}""", "$.put", "wrong-type" },
        { """{"id":"1","mode":"maybe"}""", "$.mode", "invalid-value" },
        { """{"id":"1","replace":"true"}""", "$.replace", "wrong-type" },
        { """{"id":"1","expected_revision":-1}""", "$.expected_revision", "out-of-range" },
        { """{"id":"1","expected_revision":"3"}""", "$.expected_revision", "wrong-type" },
        { """{"id":"1","reason":"a\nb"}""", "$.reason", "invalid-value" },
        { """{"id":"1","issuer":""}""", "$.issuer", "invalid-value" },
        { """{"id":"1","replace":true,"delete":[{"kind":"route","name":"x"}]}""", "$.delete", "not-applicable" },
        { """{"id":"1","command":"explode"}""", "$.command", "invalid-value" },
        { """{"id":"1","command":"initiate"}""", "$.connection", "missing-field" },
        { """{"id":"1","command":"initiate","connection":"c","put":[]}""", "$.put", "unknown-field" },
        { """{"id":"1","connection":"c"}""", "$.connection", "unknown-field" },
    };

    [Theory]
    [MemberData(nameof(WrongMessages))]
    public void A_wrong_message_gives_one_error_with_its_path_and_code(string message, string path, string code)
    {
        var reading = CommandReader.Read(Encoding.UTF8.GetBytes(message), CommandLimits.Default);
        Assert.Null(reading.Command);
        var error = Assert.Single(reading.Errors);
        Assert.Equal((path, code), (error.Path, error.Code));
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_malformed() =>
        Assert.Equal("malformed-json", Assert.Single(CommandReader.Read([(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}'], CommandLimits.Default).Errors).Code);

    [Fact]
    public void A_message_of_ten_megabytes_is_too_large_whatever_it_holds()
    {
        var error = Assert.Single(CommandReader.Read(new byte[10_000_000], CommandLimits.Default).Errors);
        Assert.Equal(("$", "too-large"), (error.Path, error.Code));
    }

    [Theory]
    [InlineData(31, true)]
    [InlineData(33, false)]
    [InlineData(100_000, false)]
    public void Nesting_has_a_limit(int depth, bool isJson)
    {
        var message = $$"""{"id":"1","put":{{new string('[', depth - 1)}}{{new string(']', depth - 1)}}}""";
        var error = Assert.Single(CommandReader.Read(Encoding.UTF8.GetBytes(message), CommandLimits.Default).Errors);
        Assert.Equal(isJson ? "wrong-type" : "malformed-json", error.Code);
    }

    [Fact]
    public void A_transaction_has_a_limit_of_items()
    {
        var message = $$"""{"id":"1","put":[{{string.Join(",", Enumerable.Repeat("1", 11))}}]}""";
        var error = Assert.Single(CommandReader.Read(Encoding.UTF8.GetBytes(message), CommandLimits.Default with { MaxItems = 10 }).Errors);
        Assert.Equal("too-many", error.Code);
    }

    [Fact]
    public void A_transaction_reads_as_it_was_written()
    {
        var command = new Command.Transaction
        {
            Id = "7",
            Issuer = "onap",
            Reason = "because",
            ExpectedRevision = 3,
            Mode = TransactionMode.Plan,
            Put = [new("route", "r", JsonElement.Parse("""{"to":"0.0.0.0/0"}"""u8))],
            Delete = [new("route", "s")],
        };
        var read = Assert.IsType<Command.Transaction>(CommandReader.Read(CommandJson.Write(command), CommandLimits.Default).Command);
        Assert.Equal((command.Id, command.Issuer, command.Reason, command.ExpectedRevision, command.Mode), (read.Id, read.Issuer, read.Reason, read.ExpectedRevision, read.Mode));
        Assert.Equal(command.Delete, read.Delete);
        Assert.Equal("""{"to":"0.0.0.0/0"}""", Assert.Single(read.Put).Spec.GetRawText());
    }

    [Theory]
    [InlineData(SaVerb.Initiate)]
    [InlineData(SaVerb.Rekey)]
    [InlineData(SaVerb.Terminate)]
    public void An_SA_command_reads_as_it_was_written(SaVerb verb)
    {
        var command = new Command.Sa { Id = "8", Reason = "because", Verb = verb, Connection = "branch", Child = "net" };
        Assert.Equal(command, CommandReader.Read(CommandJson.Write(command), CommandLimits.Default).Command);
    }

    [Fact]
    public void Only_an_ike_sa_is_authenticated_anew()
    {
        var command = new Command.Sa { Id = "8", Verb = SaVerb.Rekey, Connection = "branch", Number = 3, Reauth = true };
        Assert.Equal(command, CommandReader.Read(CommandJson.Write(command), CommandLimits.Default).Command);
        Assert.Null(CommandReader.Read(CommandJson.Write(command with { Child = "net" }), CommandLimits.Default).Command);
        Assert.Null(CommandReader.Read(CommandJson.Write(command with { Verb = SaVerb.Terminate }), CommandLimits.Default).Command);
    }

    [Fact]
    public void The_canonical_form_does_not_depend_on_order_space_or_escapes()
    {
        static string Canonical(string json) => Encoding.UTF8.GetString(CanonicalJson.Write(JsonElement.Parse(Encoding.UTF8.GetBytes(json))));
        Assert.Equal(Canonical("""{"a":[1,{"y":"é","x":null}],"b":true}"""), Canonical("""{ "b" : true, "\u0061" : [ 1, { "x":null, "y":"\u00e9" } ] }"""));
        Assert.NotEqual(Canonical("""{"a":[1,2]}"""), Canonical("""{"a":[2,1]}"""));
    }

    [Fact]
    public void A_secret_in_a_command_is_not_printed_with_it()
    {
        var reading = CommandReader.Read("""{"id":"1","put":[{"kind":"secret","name":"s","spec":{"type":"ike","secret":"cAnArY"}}]}"""u8, CommandLimits.Default);
        Assert.NotNull(reading.Command);
        Assert.DoesNotContain("cAnArY", reading.ToString() + reading.Command + ((Command.Transaction)reading.Command).Put, StringComparison.Ordinal);
    }
}
