using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>What a configuration payload does (RFC 7296 §3.15).</summary>
public enum ConfigurationKind : byte
{
    Request = 1,
    Reply = 2,
    Set = 3,
    Ack = 4,
}

/// <summary>Configuration attributes (RFC 7296 §3.15.1 and the IANA registry "IKEv2 Configuration Payload Attribute Types").</summary>
public enum ConfigurationAttributeType : ushort
{
    InternalIp4Address = 1,
    InternalIp4Netmask = 2,
    InternalIp4Dns = 3,
    InternalIp4Nbns = 4,
    InternalIp4Dhcp = 6,
    ApplicationVersion = 7,
    InternalIp6Address = 8,
    InternalIp6Dns = 10,
    InternalIp6Dhcp = 12,
    InternalIp4Subnet = 13,
    SupportedAttributes = 14,
    InternalIp6Subnet = 15,
    Mip6HomePrefix = 16,
    InternalIp6Link = 17,
    InternalIp6Prefix = 18,
    HomeAgentAddress = 19,
    PCscfIp4Address = 20,
    PCscfIp6Address = 21,

    /// <summary>RFC 8598.</summary>
    InternalDnsDomain = 25,

    /// <summary>RFC 8598.</summary>
    InternalDnssecTa = 26,
}

/// <summary>One configuration attribute; an empty value asks for one.</summary>
public readonly record struct ConfigurationAttribute(ConfigurationAttributeType Type, Octets Value);

/// <summary>CP: addresses and other settings asked for and given.</summary>
/// <remarks>
/// RFC 7296 §3.15 and §3.15.1:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   CFG Type    |                    RESERVED                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                   Configuration Attributes                    ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
///
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |R|         Attribute Type      |            Length             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                             Value                             ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record ConfigurationPayload(ConfigurationKind Kind, ValueList<ConfigurationAttribute> Attributes) : Payload
{
    public override PayloadType Type => PayloadType.Configuration;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadByte(out var kind) || !reader.TrySkip(3)) return false;
        var attributes = new List<ConfigurationAttribute>();
        while (!reader.AtEnd)
        {
            if (!reader.TryReadUInt16(out var type) || !reader.TryReadUInt16(out var length) || !reader.TryReadOctets(length, out var value)) return false;
            // RFC 7296 §3.15.1: the first bit is reserved and ignored.
            attributes.Add(new ConfigurationAttribute((ConfigurationAttributeType)(type & 0x7fff), value));
        }

        payload = new ConfigurationPayload((ConfigurationKind)kind, attributes.ToValueList());
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Kind);
        writer.WriteZeros(3);
        foreach (var attribute in Attributes.AsSpan())
        {
            writer.WriteUInt16((ushort)attribute.Type);
            writer.WriteUInt16(checked((ushort)attribute.Value.Length));
            writer.WriteBytes(attribute.Value.Span);
        }
    }
}
