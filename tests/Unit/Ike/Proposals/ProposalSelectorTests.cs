using Gateway.Ike.Proposals;
using Gateway.Policy;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Proposals;

[Rfc("7296", "3.3.6")]
public sealed class ProposalSelectorTests
{
    [Theory]
    [InlineData("aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519")]
    // Our order decides between transforms.
    [InlineData("aes256gcm16-aes128gcm16-prfsha256-x25519", "aes128gcm16-aes256gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-x25519")]
    [InlineData("aes128gcm16-prfsha256-ecp256-x25519", "aes128gcm16-prfsha256-x25519-ecp256", "aes128gcm16-prfsha256-ecp256")]
    // The key length belongs to the algorithm.
    [InlineData("aes256gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519", null)]
    [InlineData("aes128gcm16-prfsha256-x25519", "aes128gcm12-prfsha256-x25519", null)]
    [InlineData("aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha512-x25519", null)]
    [InlineData("aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp256", null)]
    [InlineData("aes128-sha256-modp2048", "aes128-sha256-modp2048", "aes128-sha256-modp2048")]
    [InlineData("aes128-sha256-modp2048", "aes128-sha384-prfsha256-modp2048", null)]
    [InlineData("aes128gcm16-prfsha256-x25519 aes128-sha256-x25519", "aes128-sha256-x25519", "aes128-sha256-x25519")]
    // Our order decides between proposals.
    [InlineData("aes256-sha256-x25519 aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519 aes256-sha256-x25519", "aes256-sha256-x25519")]
    [InlineData("default", "aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384")]
    public void The_best_common_ike_algorithms_are_chosen(string local, string remote, string? expected) => AssertChoice(SaProtocol.Ike, local, remote, expected);

    [Theory]
    [InlineData("aes128gcm16", "aes128gcm16", "aes128gcm16")]
    [InlineData("aes128gcm16-noesn", "aes128gcm16-esn", null)]
    [InlineData("aes128gcm16-esn-noesn", "aes128gcm16-noesn-esn", "aes128gcm16-esn")]
    [InlineData("aes128gcm16-noesn-esn", "aes128gcm16-noesn-esn", "aes128gcm16")]
    // A key exchange that only one side wants is no choice, unless the other accepts none as well.
    [InlineData("aes128gcm16-x25519", "aes128gcm16", null)]
    [InlineData("aes128gcm16", "aes128gcm16-x25519", null)]
    [InlineData("aes128gcm16-x25519-none", "aes128gcm16", "aes128gcm16")]
    [InlineData("aes128gcm16", "aes128gcm16-x25519-none", "aes128gcm16")]
    [InlineData("aes128gcm16-x25519-none", "aes128gcm16-x25519-none", "aes128gcm16-x25519")]
    [InlineData("null-sha256", "null-sha256", "null-sha256")]
    [InlineData("aes256-sha256-sha512", "aes256-sha512", "aes256-sha512")]
    public void The_best_common_esp_algorithms_are_chosen(string local, string remote, string? expected) => AssertChoice(SaProtocol.Esp, local, remote, expected);

    [Fact]
    public void The_choice_bears_the_number_and_spi_of_the_peers_proposal()
    {
        var remote = Parse(SaProtocol.Esp, "aes256gcm16 aes128gcm16").Select(p => p with { Spi = new Octets([1, 2, 3, 4]) }).ToValueList();
        var chosen = ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), remote)!;
        Assert.Equal(2, chosen.Number);
        Assert.Equal(new Octets([1, 2, 3, 4]), chosen.Spi);
    }

    [Fact]
    [Rfc("5282", "8")]
    public void An_integrity_algorithm_of_none_beside_an_aead_means_that_there_is_none()
    {
        var theirs = Parse(SaProtocol.Esp, "aes128gcm16")[0];
        theirs = theirs with { Transforms = [.. theirs.Transforms, new Transform(TransformType.Integrity, 0)] };
        var chosen = ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), [theirs])!;
        Assert.Null(chosen.First(TransformType.Integrity));
    }

    [Fact]
    public void A_proposal_with_a_transform_type_that_is_not_known_is_not_chosen()
    {
        var theirs = Parse(SaProtocol.Esp, "aes128gcm16")[0];
        Assert.Null(ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), [theirs with { Transforms = [.. theirs.Transforms, new Transform((TransformType)200, 1)] }]));
        // RFC 9370 §2.2.2: an additional key exchange that may be none is no obstacle, one that must be is.
        Assert.Null(ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), [theirs with { Transforms = [.. theirs.Transforms, new Transform((TransformType)6, 36)] }]));
        Assert.NotNull(ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), [theirs with { Transforms = [.. theirs.Transforms, new Transform((TransformType)6, 36), new Transform((TransformType)6, 0)] }]));
    }

    [Fact]
    public void A_transform_with_an_attribute_that_is_not_known_is_not_chosen()
    {
        var theirs = Parse(SaProtocol.Esp, "aes128gcm16")[0];
        var odd = theirs.Transforms.Select(t => t with { HasUnknownAttribute = t.Type == TransformType.Encryption }).ToValueList();
        Assert.Null(ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), [theirs with { Transforms = odd }]));
    }

    [Fact]
    [Rfc("7296", "3.3.3")]
    public void An_esp_proposal_without_sequence_numbers_means_the_short_ones()
    {
        var theirs = Parse(SaProtocol.Esp, "aes128gcm16")[0];
        theirs = theirs with { Transforms = [.. theirs.Of(TransformType.Encryption)] };
        Assert.Equal(Transform.NoEsn, ProposalSelector.Choose(Parse(SaProtocol.Esp, "aes128gcm16"), [theirs])!.First(TransformType.SequenceNumbers));
    }

    [Fact]
    [Rfc("7296", "2.7")]
    public void An_answer_must_be_one_proposal_that_was_offered_with_one_transform_of_each_type()
    {
        var offered = Parse(SaProtocol.Ike, "aes128gcm16-aes256gcm16-prfsha256-x25519");
        Assert.NotNull(ProposalSelector.Accept(offered, Parse(SaProtocol.Ike, "aes256gcm16-prfsha256-x25519")));
        Assert.Null(ProposalSelector.Accept(offered, offered));
        Assert.Null(ProposalSelector.Accept(offered, Parse(SaProtocol.Ike, "aes192gcm16-prfsha256-x25519")));
        Assert.Null(ProposalSelector.Accept(offered, Parse(SaProtocol.Ike, "aes128gcm16-prfsha256-x25519 aes256gcm16-prfsha256-x25519")));
        Assert.Null(ProposalSelector.Accept(offered, []));
    }

    [Fact]
    [Rfc("7296", "1.2")]
    public void The_first_child_is_offered_without_key_exchange() =>
        Assert.Equal("aes128gcm16-noesn-esn", ProposalSelector.WithoutKeyExchange(Parse(SaProtocol.Esp, "aes128gcm16-x25519-noesn-esn"))[0].ToString());

    private static void AssertChoice(SaProtocol protocol, string local, string remote, string? expected) =>
        Assert.Equal(expected, ProposalSelector.Choose(Parse(protocol, local), Parse(protocol, remote))?.ToString());

    private static ValueList<Proposal> Parse(SaProtocol protocol, string texts)
    {
        Assert.True(ProposalText.TryParseAll(protocol, texts.Split(' '), out var proposals, out var error), error?.Sentence);
        return proposals;
    }
}
