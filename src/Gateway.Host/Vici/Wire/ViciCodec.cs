using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Gateway.Host.Vici.Wire;

/// <summary>What begins an element of a message (vici protocol, "Message format").</summary>
internal enum ViciElement : byte
{
    SectionStart = 1,
    SectionEnd = 2,
    KeyValue = 3,
    ListStart = 4,
    ListItem = 5,
    ListEnd = 6,
}

/// <summary>
/// Reads and writes messages of the vici protocol: <c>type, [length(8) name], [length(16) value]</c>, one element after the other, sections and lists closed
/// by elements of their own. Whatever comes in, reading does not throw, nests at most <see cref="MaxDepth"/> deep and costs in proportion to its length.
/// </summary>
internal static class ViciCodec
{
    /// <summary>What people configure nests four deep.</summary>
    public const int MaxDepth = 16;

    public static bool TryRead(ReadOnlySpan<byte> message, [NotNullWhen(true)] out ViciSection? root)
    {
        root = new ViciSection();
        var open = new Stack<ViciSection>();
        var current = root;
        while (!message.IsEmpty)
        {
            var type = (ViciElement)message[0];
            message = message[1..];
            switch (type)
            {
                case ViciElement.SectionStart when open.Count < MaxDepth && TryName(ref message, out var name):
                    var inner = new ViciSection();
                    current.Add(name, inner);
                    open.Push(current);
                    current = inner;
                    break;
                case ViciElement.SectionEnd when open.TryPop(out var outer):
                    current = outer;
                    break;
                case ViciElement.KeyValue when TryName(ref message, out var name) && TryValue(ref message, out var value):
                    current.Add(name, value);
                    break;
                case ViciElement.ListStart when TryName(ref message, out var name) && TryItems(ref message, out var items):
                    current.Add(new ViciEntry.List(name, items));
                    break;
                default:
                    root = null;
                    return false;
            }
        }

        if (open.Count == 0) return true;
        root = null;
        return false;
    }

    public static void Write(ArrayBufferWriter<byte> writer, ViciSection section)
    {
        foreach (var entry in section)
        {
            switch (entry)
            {
                case ViciEntry.Value value:
                    Named(writer, ViciElement.KeyValue, value.Name);
                    Value(writer, value.Octets);
                    break;
                case ViciEntry.List list:
                    Named(writer, ViciElement.ListStart, list.Name);
                    foreach (var item in list.Items)
                    {
                        Type(writer, ViciElement.ListItem);
                        Value(writer, item);
                    }

                    Type(writer, ViciElement.ListEnd);
                    break;
                case ViciEntry.Section inner:
                    Named(writer, ViciElement.SectionStart, inner.Name);
                    Write(writer, inner.Content);
                    Type(writer, ViciElement.SectionEnd);
                    break;
            }
        }
    }

    /// <summary>Reads a text with an 8-bit length before it.</summary>
    public static bool TryName(ref ReadOnlySpan<byte> from, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (from.IsEmpty || from.Length < 1 + from[0]) return false;
        name = Encoding.UTF8.GetString(from.Slice(1, from[0]));
        from = from[(1 + from[0])..];
        return true;
    }

    /// <summary>Writes a text with an 8-bit length before it; what is longer is cut.</summary>
    public static void Name(ArrayBufferWriter<byte> writer, string name)
    {
        var octets = Encoding.UTF8.GetBytes(name);
        var length = Math.Min(octets.Length, byte.MaxValue);
        writer.GetSpan(1)[0] = (byte)length;
        writer.Advance(1);
        writer.Write(octets.AsSpan(0, length));
    }

    private static bool TryItems(ref ReadOnlySpan<byte> from, out List<byte[]> items)
    {
        items = [];
        while (!from.IsEmpty)
        {
            var type = (ViciElement)from[0];
            from = from[1..];
            if (type == ViciElement.ListEnd) return true;
            if (type != ViciElement.ListItem || !TryValue(ref from, out var item)) return false;
            items.Add(item);
        }

        return false;
    }

    private static bool TryValue(ref ReadOnlySpan<byte> from, [NotNullWhen(true)] out byte[]? value)
    {
        value = null;
        if (from.Length < 2) return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(from);
        if (from.Length < 2 + length) return false;
        value = from.Slice(2, length).ToArray();
        from = from[(2 + length)..];
        return true;
    }

    private static void Named(ArrayBufferWriter<byte> writer, ViciElement type, string name)
    {
        Type(writer, type);
        Name(writer, name);
    }

    private static void Type(ArrayBufferWriter<byte> writer, ViciElement type)
    {
        writer.GetSpan(1)[0] = (byte)type;
        writer.Advance(1);
    }

    private static void Value(ArrayBufferWriter<byte> writer, byte[] octets)
    {
        var length = Math.Min(octets.Length, ushort.MaxValue);
        BinaryPrimitives.WriteUInt16BigEndian(writer.GetSpan(2), (ushort)length);
        writer.Advance(2);
        writer.Write(octets.AsSpan(0, length));
    }
}
