using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Unit.Policy.Items;

/// <summary>The word <c>auth</c> as swanctl.conf writes it.</summary>
public sealed class AuthenticationWordTests
{
    [Theory]
    [InlineData("psk", AuthenticationMethod.Psk, EapMethod.Any)]
    [InlineData("PubKey", AuthenticationMethod.Pubkey, EapMethod.Any)]
    [InlineData("eap", AuthenticationMethod.Eap, EapMethod.Any)]
    [InlineData("eap-md5", AuthenticationMethod.Eap, EapMethod.Md5)]
    [InlineData("eap-mschapv2", AuthenticationMethod.Eap, EapMethod.MsChapV2)]
    [InlineData("eap-tls:ecdsa-384-sha384", AuthenticationMethod.Eap, EapMethod.Tls)]
    [InlineData("rsa-3072-sha256", AuthenticationMethod.Pubkey, EapMethod.Any)]
    [InlineData("ike:rsa/pss-sha256", AuthenticationMethod.Pubkey, EapMethod.Any)]
    public void Methods_are_read(string text, AuthenticationMethod method, EapMethod eap)
    {
        Assert.True(AuthenticationWord.TryParse(text, out var word));
        Assert.Equal((method, eap, text.ToLowerInvariant()), (word.Method, word.Eap, word.Text));
    }

    [Fact]
    public void Constraints_are_told_apart()
    {
        Assert.True(AuthenticationWord.TryParse("rsa-2048-sha256-sha384-ecdsa-256-sha256,ike:rsa/pss-sha512-ed25519", out var word));
        Assert.Equal([new KeyStrength(KeyFamily.Rsa, 2048), new KeyStrength(KeyFamily.Ecdsa, 256)], word.Strengths);
        Assert.Equal([new(KeyFamily.Rsa, null, "sha256"), new(KeyFamily.Rsa, null, "sha384"), new SignatureRule(KeyFamily.Ecdsa, null, "sha256")], word.Chain);
        Assert.Equal([new(KeyFamily.Rsa, true, "sha512"), new SignatureRule(KeyFamily.Ed25519, null, null)], word.Ike);
        Assert.Equal(word.Ike, word.Proof);
        Assert.True(AuthenticationWord.TryParse("rsa-3072-sha256-ike:rsa-sha512", out var mixed));
        Assert.Equal([new KeyStrength(KeyFamily.Rsa, 3072)], mixed.Strengths);
        Assert.Equal([new SignatureRule(KeyFamily.Rsa, null, "sha256")], mixed.Chain);
        Assert.Equal([new SignatureRule(KeyFamily.Rsa, null, "sha512")], mixed.Proof);
        Assert.True(AuthenticationWord.TryParse("pubkey-sha384", out var simple));
        Assert.Equal([new SignatureRule(null, null, "sha384")], simple.Proof);
    }

    [Theory]
    [InlineData("")]
    [InlineData("xauth")]
    [InlineData("eap-gtc")]
    [InlineData("eap-md5:rsa-2048")]
    [InlineData("pubkey-2048")]
    [InlineData("rsa-64")]
    [InlineData("rsa-sha257")]
    [InlineData("sha256")]
    [InlineData("rsa--sha256")]
    [InlineData("ike:")]
    public void What_is_no_method_is_refused_with_a_sentence(string text)
    {
        Assert.False(AuthenticationWord.TryParse(text, out _, out var error));
        Assert.EndsWith(".", error, StringComparison.Ordinal);
    }
}
