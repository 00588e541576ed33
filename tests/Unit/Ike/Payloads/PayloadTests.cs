using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Ike.Payloads;

/// <summary>Payload contents that must be refused, and a few that must not, in hexadecimal after the generic header.</summary>
public sealed class PayloadTests
{
    [Theory]
    [Rfc("7296", "3")]
    // KE without data.
    [InlineData(PayloadType.KeyExchange, "001f0000", false)]
    [InlineData(PayloadType.KeyExchange, "001f0000aa", true)]
    [InlineData(PayloadType.KeyExchange, "001f", false)]
    // Nonces of 15, 16 and 257 octets.
    [InlineData(PayloadType.Nonce, "000000000000000000000000000000", false)]
    [InlineData(PayloadType.Nonce, "00000000000000000000000000000000", true)]
    // Identities: an IPv4 address of 5 octets, an empty FQDN.
    [InlineData(PayloadType.IdInitiator, "010000000a00000100", false)]
    [InlineData(PayloadType.IdInitiator, "010000000a000001", true)]
    [InlineData(PayloadType.IdResponder, "02000000", false)]
    [InlineData(PayloadType.IdResponder, "020000", false)]
    [InlineData(PayloadType.IdResponder, "05000000" + "20010db8000000000000000000000001", true)]
    // CERT without data; CERTREQ with a half hash.
    [InlineData(PayloadType.Certificate, "04", false)]
    [InlineData(PayloadType.CertificateRequest, "04aabb", false)]
    [InlineData(PayloadType.CertificateRequest, "04", true)]
    [InlineData(PayloadType.CertificateRequest, "", false)]
    // AUTH without data.
    [InlineData(PayloadType.Authentication, "02000000", false)]
    // Notify whose SPI runs over, and with an ESP SPI of 8 octets.
    [InlineData(PayloadType.Notify, "03044009aabbcc", false)]
    [InlineData(PayloadType.Notify, "03084009aabbccddaabbccdd", false)]
    [InlineData(PayloadType.Notify, "03044009aabbccdd", true)]
    [InlineData(PayloadType.Notify, "0000", false)]
    // Delete: IKE with SPIs, ESP with a count that does not fit, an unknown protocol.
    [InlineData(PayloadType.Delete, "01000000", true)]
    [InlineData(PayloadType.Delete, "01080001aabbccddaabbccdd", false)]
    [InlineData(PayloadType.Delete, "03040002aabbccdd", false)]
    [InlineData(PayloadType.Delete, "03040001aabbccdd", true)]
    [InlineData(PayloadType.Delete, "03040001aabbccddee", false)]
    [InlineData(PayloadType.Delete, "07040001aabbccdd", false)]
    // Traffic selectors: none, a wrong length, a range that runs down, ports that run down, OPAQUE, an unknown type.
    [InlineData(PayloadType.TrafficSelectorInitiator, "00000000", false)]
    [InlineData(PayloadType.TrafficSelectorInitiator, "01000000" + "070000100000ffff0a0000000a0000ff", true)]
    [InlineData(PayloadType.TrafficSelectorInitiator, "02000000" + "070000100000ffff0a0000000a0000ff", false)]
    [InlineData(PayloadType.TrafficSelectorInitiator, "01000000" + "070000110000ffff0a0000000a0000ff00", false)]
    [InlineData(PayloadType.TrafficSelectorInitiator, "01000000" + "070000030000ffff0a0000000a0000ff", false)]
    [InlineData(PayloadType.TrafficSelectorInitiator, "01000000" + "070000100000ffff0a0000ff0a000000", false)]
    [InlineData(PayloadType.TrafficSelectorResponder, "01000000" + "0706001000020001" + "0a0000000a0000ff", false)]
    [InlineData(PayloadType.TrafficSelectorResponder, "01000000" + "07060010ffff0000" + "0a0000000a0000ff", true)]
    [InlineData(PayloadType.TrafficSelectorResponder, "01000000" + "f0000004", true)]
    // CP whose attribute runs over.
    [InlineData(PayloadType.Configuration, "01000000" + "00010004aabb", false)]
    [InlineData(PayloadType.Configuration, "01000000" + "00010000", true)]
    // EAP with a length that is not its own, and a success with data.
    [InlineData(PayloadType.Eap, "01010006" + "01", false)]
    [InlineData(PayloadType.Eap, "01010005" + "01", true)]
    [InlineData(PayloadType.Eap, "03010005" + "01", false)]
    // SA: none; one proposal without transforms; lengths that overrun or loop; wrong numbering; a transform count that is not kept.
    [InlineData(PayloadType.SecurityAssociation, "", false)]
    [InlineData(PayloadType.SecurityAssociation, "0000000801010000", true)]
    [InlineData(PayloadType.SecurityAssociation, "0000000901010000", false)]
    [InlineData(PayloadType.SecurityAssociation, "0000000001010000", false)]
    [InlineData(PayloadType.SecurityAssociation, "0200000801010000", false)]
    [InlineData(PayloadType.SecurityAssociation, "0200000801010000" + "0000000803010000", true)]
    [InlineData(PayloadType.SecurityAssociation, "0200000802010000" + "0000000802010000", false)]
    [InlineData(PayloadType.SecurityAssociation, "0000000c01010400aabbccdd", false)]
    [InlineData(PayloadType.SecurityAssociation, "0000000c01030400aabbccdd", true)]
    [InlineData(PayloadType.SecurityAssociation, "0000000801030000", false)]
    [InlineData(PayloadType.SecurityAssociation, "0200000801010000" + "0000000802010000", true)]
    [InlineData(PayloadType.SecurityAssociation, "00000010010100010000000801000014", true)]
    [InlineData(PayloadType.SecurityAssociation, "00000010010100020000000801000014", false)]
    [InlineData(PayloadType.SecurityAssociation, "00000010010100010300000801000014", false)]
    [InlineData(PayloadType.SecurityAssociation, "00000010010100010000000001000014", false)]
    [InlineData(PayloadType.SecurityAssociation, "000000140101000100000" + "00c01000014800e0080", true)]
    [InlineData(PayloadType.SecurityAssociation, "000000140101000100000" + "00c01000014000e0080", false)]
    public void Content_is_taken_or_refused(PayloadType type, string hex, bool taken)
    {
        var content = Convert.FromHexString(hex);
        byte[] chain = [0, 0, (byte)((content.Length + 4) >> 8), (byte)(content.Length + 4), .. content];
        Assert.Equal(taken, MessageCodec.TryParsePayloads(type, chain, out var payloads, out var error));
        Assert.Equal(taken, error == WireError.None);
        if (taken) Assert.Equal(type, payloads[0].Type);
        else Assert.Equal(NotifyType.InvalidSyntax, error.Notify);
    }

    [Fact]
    [Rfc("7296", "3.3.6")]
    public void A_transform_attribute_that_is_not_known_marks_its_transform_only()
    {
        // One proposal of two transforms: AES-GCM with an attribute 17, then AES-GCM with a key of 128 bits.
        var content = Convert.FromHexString("0000002001010002" + "0300000c01000014" + "80110001" + "0000000c01000014" + "800e0080");
        byte[] chain = [0, 0, 0, (byte)(content.Length + 4), .. content];
        Assert.True(MessageCodec.TryParsePayloads(PayloadType.SecurityAssociation, chain, out var payloads, out _));
        var transforms = payloads.Find<SecurityAssociationPayload>()!.Proposals[0].Transforms;
        Assert.True(transforms[0].HasUnknownAttribute);
        Assert.Equal(new Transform(TransformType.Encryption, 20, 128), transforms[1]);
    }

    [Fact]
    [Rfc("7383", "2.5")]
    public void A_fragment_number_lies_between_one_and_the_total()
    {
        foreach (var (number, total, taken) in ((int, int, bool)[])[(1, 1, true), (2, 3, true), (0, 3, false), (4, 3, false), (0, 0, false)])
        {
            byte[] chain = [0, 0, 0, 8, 0, (byte)number, 0, (byte)total];
            Assert.Equal(taken, MessageCodec.TryParsePayloads(PayloadType.EncryptedFragment, chain, out _, out _));
        }
    }
}
