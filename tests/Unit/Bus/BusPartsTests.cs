using Gateway.Host.Appliance;
using Gateway.Host.Bus;
using Xunit;

namespace Gateway.Unit.Bus;

public sealed class BusPartsTests
{
    [Theory]
    [InlineData("replies", true, false)]
    [InlineData("amq.gen-JzTY20BRgKO-HjmUJj0wLg", true, false)]
    [InlineData("amq.rabbitmq.reply-to.g2dkABByYWJiaXRAbG9jYWxob3N0", true, true)]
    [InlineData("réponses", true, false)]
    [InlineData(null, false, false)]
    [InlineData("", false, false)]
    [InlineData("a\nb", false, false)]
    [InlineData("gateway.edge1.commands", false, false)]
    [InlineData("gateway.edge1.dead-letters", false, false)]
    public void An_answer_goes_to_queues_of_senders_only(string? replyTo, bool taken, bool direct)
    {
        Assert.Equal(taken, ReplyAddress.TryParse(replyTo, out var address));
        if (taken) Assert.Equal(new ReplyAddress(replyTo!, direct), address);
    }

    [Fact]
    public void A_reply_address_has_at_most_255_octets()
    {
        Assert.True(ReplyAddress.TryParse(new string('q', 255), out _));
        Assert.False(ReplyAddress.TryParse(new string('q', 256), out _));
        Assert.False(ReplyAddress.TryParse(new string('é', 128), out _));
    }

    [Theory]
    [InlineData("event.edge1.#", "event.edge1.config.interface-put.v1", true)]
    [InlineData("event.*.config.#", "event.edge1.config.interface-put.v1", true)]
    [InlineData("event.*", "event.edge1.config.interface-put.v1", false)]
    [InlineData("#", "outcome.edge1.accepted", true)]
    [InlineData("#.v1", "event.edge1.ike.sa-closed.v1", true)]
    [InlineData("outcome.*.rejected", "outcome.edge1.accepted", false)]
    [InlineData("outcome.edge1.accepted", "outcome.edge1.accepted", true)]
    [InlineData("outcome.edge1.accepted.#", "outcome.edge1.accepted", true)]
    [InlineData("*.*.*.*", "outcome.edge1.accepted", false)]
    public void A_pattern_matches_as_at_a_topic_exchange(string pattern, string key, bool matches) => Assert.Equal(matches, TopicPattern.Matches(pattern, key));

    [Theory]
    [InlineData(null, "bus:-")]
    [InlineData("", "bus:-")]
    [InlineData("onap", "bus:user:onap")]
    [InlineData("a b", "bus:-")]
    [InlineData("a\u0007", "bus:-")]
    public void Only_a_proven_and_printable_user_becomes_a_principal(string? user, string principal) =>
        Assert.Equal(principal, new BusDelivery { Body = default, UserId = user }.Principal.ToString());

    [Fact]
    public void A_note_holds_nothing_of_the_body_and_only_a_sane_message_id()
    {
        var delivery = new BusDelivery { Body = "canary"u8.ToArray(), UserId = "onap", MessageId = "m\n1", DeliveredBefore = 2 };
        var note = System.Text.Encoding.UTF8.GetString(BusMessage.Json(DeadLetterNote.Of(delivery, "edge1", "malformed-json", DateTimeOffset.UnixEpoch)));
        Assert.Equal("""{"gateway":"edge1","reason":"malformed-json","size":6,"time":"1970-01-01T00:00:00+00:00","principal":"bus:user:onap","delivered_before":2}""", note);
        Assert.DoesNotContain("canary", delivery.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_password_is_in_nothing_that_the_brokers_address_says()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "s3same-from-the-file\n");
        try
        {
            var address = new BrokerAddress(new BusSection { Kind = BusKind.Rabbitmq, Uri = "amqp://onap:s3same@broker.example:5673/edge", PasswordFile = file });
            Assert.Equal("s3same-from-the-file", address.Factory("edge1").Password);
            Assert.Equal("onap", address.Factory("edge1").UserName);
            Assert.Equal("amqp://broker.example:5673/edge", address.ToString());
            Assert.Equal("refused ***", address.Describe(new IOException("outer", new IOException("refused s3same-from-the-file"))));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("http://onap:s3same@broker")]
    [InlineData("nonsense s3same")]
    [InlineData(null)]
    public void A_wrong_address_is_refused_without_repeating_it(string? uri) =>
        Assert.DoesNotContain("s3same", Assert.Throws<ApplianceException>(() => new BrokerAddress(new BusSection { Kind = BusKind.Rabbitmq, Uri = uri })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_path_that_is_no_virtual_host_is_refused_without_repeating_the_address()
    {
        var address = new BrokerAddress(new BusSection { Kind = BusKind.Rabbitmq, Uri = "amqp://onap:s3same@broker/a/b" });
        Assert.DoesNotContain("s3same", Assert.Throws<IOException>(() => address.Factory("edge1")).Message, StringComparison.Ordinal);
    }
}
