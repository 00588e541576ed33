using System.Buffers.Binary;
using System.Text;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>
/// A message of the memif control channel, protocol 2.0: 128 bytes over a SOCK_SEQPACKET socket, packed, in the machine's byte order (little-endian on all that the gateway runs on).
/// <code>
///  0      type     u16
///  2      body     HELLO       name[32] min u16 max u16 last region u16 last s2c ring u16 last c2s ring u16 max log2 size u8
///                  INIT        version u16 id u32 mode u8 secret[24] name[32]
///                  ADD_REGION  index u16 size u64                                                            with the descriptor of the memory
///                  ADD_RING    flags u16 (1 = client to server) index u16 region u16 offset u32 log2 size u8 private header u16   with an eventfd
///                  CONNECT, CONNECTED  name[32]
///                  DISCONNECT  code u32 text[96]
/// </code>
/// </summary>
internal abstract record MemifMessage
{
    public const int Size = 128;

    /// <summary>2.0: major in the upper byte.</summary>
    public const ushort Version = 0x0200;

    private const int _nameLength = 32, _secretLength = 24, _textLength = 96, _body = 2;

    private MemifMessage()
    {
    }

    public sealed record Ack : MemifMessage;

    /// <summary>The server's first word. The counts of rings are given as the last index that it takes.</summary>
    public sealed record Hello(string Name, ushort MinVersion, ushort MaxVersion, ushort LastRegion, ushort LastServerRing, ushort LastClientRing, byte MaxLog2Size) : MemifMessage;

    /// <summary>The client names the interface that it wants. A secret is neither kept nor compared; see ADR 0151.</summary>
    public sealed record Init(ushort ChosenVersion, uint Id, byte Mode, string Name) : MemifMessage;

    public sealed record AddRegion(ushort Index, ulong Bytes) : MemifMessage;

    public sealed record AddRing(bool ToServer, ushort Index, ushort Region, uint Offset, byte Log2Size, ushort PrivateHeader) : MemifMessage;

    public sealed record Connect(string Name) : MemifMessage;

    public sealed record Connected(string Name) : MemifMessage;

    public sealed record Disconnect(uint Code, string Text) : MemifMessage;

    /// <summary>Writes the message over 128 bytes; what it does not use is zero.</summary>
    public void WriteTo(Span<byte> into)
    {
        into[..Size].Clear();
        Span<byte> at = into[_body..];
        ushort type = this switch
        {
            Ack => 1,
            Hello => 2,
            Init => 3,
            AddRegion => 4,
            AddRing => 5,
            Connect => 6,
            Connected => 7,
            Disconnect => 8,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        BinaryPrimitives.WriteUInt16LittleEndian(into, type);
        switch (this)
        {
            case Hello m:
                PutText(m.Name, at[.._nameLength]);
                BinaryPrimitives.WriteUInt16LittleEndian(at[32..], m.MinVersion);
                BinaryPrimitives.WriteUInt16LittleEndian(at[34..], m.MaxVersion);
                BinaryPrimitives.WriteUInt16LittleEndian(at[36..], m.LastRegion);
                BinaryPrimitives.WriteUInt16LittleEndian(at[38..], m.LastServerRing);
                BinaryPrimitives.WriteUInt16LittleEndian(at[40..], m.LastClientRing);
                at[42] = m.MaxLog2Size;
                break;
            case Init m:
                BinaryPrimitives.WriteUInt16LittleEndian(at, m.ChosenVersion);
                BinaryPrimitives.WriteUInt32LittleEndian(at[2..], m.Id);
                at[6] = m.Mode;
                PutText(m.Name, at.Slice(7 + _secretLength, _nameLength));
                break;
            case AddRegion m:
                BinaryPrimitives.WriteUInt16LittleEndian(at, m.Index);
                BinaryPrimitives.WriteUInt64LittleEndian(at[2..], m.Bytes);
                break;
            case AddRing m:
                BinaryPrimitives.WriteUInt16LittleEndian(at, m.ToServer ? (ushort)1 : (ushort)0);
                BinaryPrimitives.WriteUInt16LittleEndian(at[2..], m.Index);
                BinaryPrimitives.WriteUInt16LittleEndian(at[4..], m.Region);
                BinaryPrimitives.WriteUInt32LittleEndian(at[6..], m.Offset);
                at[10] = m.Log2Size;
                BinaryPrimitives.WriteUInt16LittleEndian(at[11..], m.PrivateHeader);
                break;
            case Connect m:
                PutText(m.Name, at[.._nameLength]);
                break;
            case Connected m:
                PutText(m.Name, at[.._nameLength]);
                break;
            case Disconnect m:
                BinaryPrimitives.WriteUInt32LittleEndian(at, m.Code);
                PutText(m.Text, at.Slice(4, _textLength));
                break;
        }
    }

    /// <summary>Reads what a peer sent; false for another length and for a type that is not known.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out MemifMessage message)
    {
        message = new Ack();
        if (bytes.Length != Size) return false;
        ReadOnlySpan<byte> at = bytes[_body..];
        switch (BinaryPrimitives.ReadUInt16LittleEndian(bytes))
        {
            case 1:
                return true;
            case 2:
                message = new Hello(
                    TextOf(at[.._nameLength]),
                    BinaryPrimitives.ReadUInt16LittleEndian(at[32..]),
                    BinaryPrimitives.ReadUInt16LittleEndian(at[34..]),
                    BinaryPrimitives.ReadUInt16LittleEndian(at[36..]),
                    BinaryPrimitives.ReadUInt16LittleEndian(at[38..]),
                    BinaryPrimitives.ReadUInt16LittleEndian(at[40..]),
                    at[42]);
                return true;
            case 3:
                message = new Init(BinaryPrimitives.ReadUInt16LittleEndian(at), BinaryPrimitives.ReadUInt32LittleEndian(at[2..]), at[6], TextOf(at.Slice(7 + _secretLength, _nameLength)));
                return true;
            case 4:
                message = new AddRegion(BinaryPrimitives.ReadUInt16LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[2..]));
                return true;
            case 5:
                message = new AddRing(
                    (BinaryPrimitives.ReadUInt16LittleEndian(at) & 1) != 0,
                    BinaryPrimitives.ReadUInt16LittleEndian(at[2..]),
                    BinaryPrimitives.ReadUInt16LittleEndian(at[4..]),
                    BinaryPrimitives.ReadUInt32LittleEndian(at[6..]),
                    at[10],
                    BinaryPrimitives.ReadUInt16LittleEndian(at[11..]));
                return true;
            case 6:
                message = new Connect(TextOf(at[.._nameLength]));
                return true;
            case 7:
                message = new Connected(TextOf(at[.._nameLength]));
                return true;
            case 8:
                message = new Disconnect(BinaryPrimitives.ReadUInt32LittleEndian(at), TextOf(at.Slice(4, _textLength)));
                return true;
            default:
                return false;
        }
    }

    /// <summary>ASCII, always ended by a zero.</summary>
    private static void PutText(string text, Span<byte> into)
    {
        for (int i = 0; i < Math.Min(text.Length, into.Length - 1); i++) into[i] = text[i] is >= ' ' and <= '~' ? (byte)text[i] : (byte)'?';
    }

    /// <summary>A peer's text, which is shown to people: what is not printable becomes a question mark.</summary>
    private static string TextOf(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        foreach (byte b in bytes)
        {
            if (b == 0) break;
            text.Append(b is >= 0x20 and < 0x7F ? (char)b : '?');
        }

        return text.ToString();
    }
}
