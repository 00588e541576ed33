using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>SA: proposals of algorithms, most wanted first, or the one that was chosen.</summary>
/// <remarks>
/// RFC 7296 §3.3, §3.3.1, §3.3.2 and §3.3.5:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                          Proposals                            ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Last Substruc |   RESERVED    |         Proposal Length       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                        SPI (variable)                         ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                         Transforms                            ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Last Substruc |   RESERVED    |        Transform Length       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Transform Type |   RESERVED    |          Transform ID         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                      Transform Attributes                     ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |A|       Attribute Type        |  AF=0: length, AF=1: value    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 AF=0: attribute value                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record SecurityAssociationPayload(ValueList<Proposal> Proposals) : Payload
{
    private const byte MoreProposals = 2;
    private const byte MoreTransforms = 3;

    // RFC 7296 §3.3.5: Key Length is attribute 14, always in the short (AF=1) form.
    private const ushort KeyLengthAttribute = 0x8000 | 14;

    public override PayloadType Type => PayloadType.SecurityAssociation;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        var proposals = new List<Proposal>();
        for (var more = true; more;)
        {
            if (!TryParseProposal(ref reader, out var proposal, out more)) return false;
            // RFC 7296 §3.3.1: an offer is numbered one, two and so on, an answer bears the number of what it chose. Gaps do no harm, going back does.
            if (proposals.Count > 0 && proposal.Number <= proposals[^1].Number) return false;
            proposals.Add(proposal);
        }

        payload = new SecurityAssociationPayload(proposals.ToValueList());
        return reader.AtEnd;
    }

    private static bool TryParseProposal(ref IkeReader reader, out Proposal proposal, out bool more)
    {
        proposal = null!;
        if (!TryReadSubstructure(ref reader, MoreProposals, out var body, out more)) return false;
        if (!body.TryReadByte(out var number) || !body.TryReadByte(out var protocol) || !body.TryReadByte(out var spiSize)
            || !body.TryReadByte(out var count) || !body.TryReadOctets(spiSize, out var spi)) return false;
        // RFC 7296 §3.3.1: SPIs have 8 octets for IKE (none in the first exchange) and 4 for AH and ESP; a protocol that is not known is only not chosen.
        if ((SaProtocol)protocol is SaProtocol.Ike && spiSize is not (0 or 8)) return false;
        if ((SaProtocol)protocol is SaProtocol.Ah or SaProtocol.Esp && spiSize != 4) return false;
        var transforms = new Transform[count];
        for (var i = 0; i < count; i++)
        {
            if (!TryParseTransform(ref body, out transforms[i], out var moreTransforms)) return false;
            if (moreTransforms != (i + 1 < count)) return false;
        }

        proposal = new Proposal(number, (SaProtocol)protocol, spi, transforms.ToValueList());
        return body.AtEnd;
    }

    private static bool TryParseTransform(ref IkeReader reader, out Transform transform, out bool more)
    {
        transform = default;
        if (!TryReadSubstructure(ref reader, MoreTransforms, out var body, out more)) return false;
        if (!body.TryReadByte(out var type) || !body.TrySkip(1) || !body.TryReadUInt16(out var id)) return false;
        ushort keyBits = 0;
        var known = true;
        while (!body.AtEnd)
        {
            if (!body.TryReadUInt16(out var attribute) || !body.TryReadUInt16(out var value)) return false;
            var isShort = (attribute & 0x8000) != 0;
            if (!isShort && !body.TrySkip(value)) return false;
            if (attribute == KeyLengthAttribute && keyBits == 0) keyBits = value;
            else known = false;
        }

        // RFC 7296 §3.3.6: a transform with an attribute that is not understood is not acceptable, the others are judged without it.
        transform = new Transform((TransformType)type, id, keyBits) { HasUnknownAttribute = !known };
        return true;
    }

    private static bool TryReadSubstructure(ref IkeReader reader, byte moreMark, out IkeReader body, out bool more)
    {
        body = default;
        more = false;
        if (!reader.TryReadByte(out var mark) || !reader.TrySkip(1) || !reader.TryReadUInt16(out var length)) return false;
        if (mark != 0 && mark != moreMark) return false;
        more = mark != 0;
        return reader.TryReadSub(length - 4, out body);
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        for (var i = 0; i < Proposals.Count; i++)
        {
            var start = writer.Length;
            var proposal = Proposals[i];
            writer.WriteByte(i + 1 < Proposals.Count ? MoreProposals : (byte)0);
            writer.WriteZeros(3);
            writer.WriteByte(proposal.Number);
            writer.WriteByte((byte)proposal.Protocol);
            writer.WriteByte(checked((byte)proposal.Spi.Length));
            writer.WriteByte(checked((byte)proposal.Transforms.Count));
            writer.WriteBytes(proposal.Spi.Span);
            for (var j = 0; j < proposal.Transforms.Count; j++)
                WriteTransform(ref writer, proposal.Transforms[j], last: j + 1 == proposal.Transforms.Count);
            writer.PatchUInt16(start + 2, checked((ushort)(writer.Length - start)));
        }
    }

    private static void WriteTransform(ref IkeWriter writer, Transform transform, bool last)
    {
        writer.WriteByte(last ? (byte)0 : MoreTransforms);
        writer.WriteByte(0);
        writer.WriteUInt16(transform.KeyBits == 0 ? (ushort)8 : (ushort)12);
        writer.WriteByte((byte)transform.Type);
        writer.WriteByte(0);
        writer.WriteUInt16(transform.Id);
        if (transform.KeyBits == 0) return;
        writer.WriteUInt16(KeyLengthAttribute);
        writer.WriteUInt16(transform.KeyBits);
    }
}
