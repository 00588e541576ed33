using System.Net;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Xunit;

namespace Gateway.Unit.Ike.Sa;

public sealed class IdentityTests
{
    [Theory]
    [InlineData("left.lab", IdType.Fqdn, "left.lab")]
    [InlineData("@left.lab", IdType.Fqdn, "left.lab")]
    [InlineData("fqdn:left.lab", IdType.Fqdn, "left.lab")]
    [InlineData("carol@strongswan.org", IdType.Rfc822Address, "carol@strongswan.org")]
    [InlineData("@@carol@strongswan.org", IdType.Rfc822Address, "carol@strongswan.org")]
    [InlineData("192.0.2.1", IdType.Ipv4Address, "192.0.2.1")]
    [InlineData("2001:db8::1", IdType.Ipv6Address, "2001:db8::1")]
    [InlineData("ipv4:192.0.2.1", IdType.Ipv4Address, "192.0.2.1")]
    [InlineData("@#00ff10", IdType.KeyId, "@#00ff10")]
    [InlineData("keyid:gate", IdType.KeyId, "gate")]
    [InlineData("%any", IdType.Null, "%any")]
    public void An_identity_reads_as_strongswan_writes_it(string text, IdType kind, string printed)
    {
        Assert.True(Identity.TryParse(text, out var identity));
        Assert.Equal((kind, printed), (identity.Kind, identity.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("@")]
    [InlineData("@#xyz")]
    [InlineData("@#123")]
    [InlineData("ipv4:2001:db8::1")]
    [InlineData("ipv6:192.0.2.1")]
    [InlineData("XX=CH, O=strongSwan")]
    [InlineData("C=, O=strongSwan")]
    [InlineData("asn1dn:#3000ff")]
    public void What_is_no_identity_is_refused(string text) => Assert.False(Identity.TryParse(text, out _));

    [Theory]
    [InlineData("left.lab", "left.lab", 20)]
    [InlineData("left.lab", "LEFT.LAB", 20)]
    [InlineData("*.lab", "left.lab", 19)]
    [InlineData("*.lab", "left.elsewhere", 0)]
    [InlineData("*@lab", "carol@lab", 19)]
    [InlineData("%any", "left.lab", 1)]
    [InlineData("%any", "192.0.2.1", 1)]
    [InlineData("left.lab", "@@left.lab@x", 0)]
    [InlineData("192.0.2.1", "192.0.2.1", 20)]
    [InlineData("192.0.2.1", "192.0.2.2", 0)]
    [InlineData("left.lab", "192.0.2.1", 0)]
    public void Identities_match_as_strongswan_matches_them(string pattern, string other, int quality)
    {
        Assert.True(Identity.TryParse(pattern, out var left));
        Assert.True(Identity.TryParse(other, out var right));
        Assert.Equal(quality, left.Match(right));
    }

    [Fact]
    public void An_identity_with_odd_octets_prints_harmlessly() =>
        Assert.Equal("a?b?", new Identity(IdType.Fqdn, new byte[] { 0x61, 0x0a, 0x62, 0xff }).ToString());

    [Fact]
    public void An_address_is_an_identity() => Assert.Equal("192.0.2.9", Identity.Of(IPAddress.Parse("192.0.2.9")).ToString());
}
