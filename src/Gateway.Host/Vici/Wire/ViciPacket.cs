using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Gateway.Host.Vici.Wire;

/// <summary>Types of packets (vici protocol, "Packet layer").</summary>
internal enum ViciPacketType : byte
{
    Request = 0,
    Response = 1,
    UnknownCommand = 2,
    Register = 3,
    Unregister = 4,
    Confirm = 5,
    UnknownEvent = 6,
    Event = 7,
}

/// <summary>
/// One packet: <c>length(32) | type(8) | [length(8) name] | message</c>. The length counts what is behind it.
/// </summary>
/// <param name="Name">Of the command or event; empty in packets that have none.</param>
internal sealed record ViciPacket(ViciPacketType Type, string Name, ViciSection Message)
{
    /// <summary>Octets before a packet.</summary>
    public const int HeaderSize = 4;

    /// <summary>Longest packet, without its header; the protocol's own limit.</summary>
    public const int MaxSize = 512 * 1024;

    private static bool HasName(ViciPacketType type) => type is ViciPacketType.Request or ViciPacketType.Register or ViciPacketType.Unregister or ViciPacketType.Event;

    /// <summary>Reads a packet without its header; false when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, [NotNullWhen(true)] out ViciPacket? read)
    {
        read = null;
        if (packet.IsEmpty || packet[0] > (byte)ViciPacketType.Event) return false;
        var type = (ViciPacketType)packet[0];
        var name = "";
        packet = packet[1..];
        if (HasName(type) && !ViciCodec.TryName(ref packet, out name)) return false;
        if (!ViciCodec.TryRead(packet, out var message)) return false;
        read = new ViciPacket(type, name, message);
        return true;
    }

    /// <summary>The packet with its header; null when it would be too long.</summary>
    public byte[]? Write()
    {
        var writer = new ArrayBufferWriter<byte>(256);
        writer.Advance(Zero(writer.GetSpan(HeaderSize)));
        writer.GetSpan(1)[0] = (byte)Type;
        writer.Advance(1);
        if (HasName(Type)) ViciCodec.Name(writer, Name);
        ViciCodec.Write(writer, Message);
        if (writer.WrittenCount - HeaderSize > MaxSize) return null;
        var octets = writer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(octets, octets.Length - HeaderSize);
        return octets;
    }

    private static int Zero(Span<byte> header)
    {
        header[..HeaderSize].Clear();
        return HeaderSize;
    }
}
