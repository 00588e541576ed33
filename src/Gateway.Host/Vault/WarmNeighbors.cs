using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;
using Gateway.Dataplane.Apply;
using Gateway.Host.Ike.Interop;

namespace Gateway.Host.Vault;

/// <summary>
/// The learned neighbors, so that the first packets after a crash need not wait for answers to ARP and neighbor solicitations. They come back as entries that
/// are asked at once whether they still hold.
/// <code>
/// each: confirmed at, ms since boot i64 | MAC (6) | length of the address u8 (4, 16) | address | length of the interface's name u8 | name
/// </code>
/// </summary>
internal sealed class WarmNeighbors(DataplaneControl dataplane) : IWarmState
{
    private const int Fixed = 8 + 6 + 1;

    // Confirmations come often and are worth little each: a coarse moment keeps the content the same from one second to the next.
    private const long Grain = 10_000;

    public WarmKind Kind => WarmKind.Neighbors;

    public ushort Version => 1;

    public int Capacity => 2 << 20;

    /// <summary>As long as an unused neighbor is remembered by a process that lives.</summary>
    public TimeSpan LongestAway => TimeSpan.FromMinutes(5);

    public byte[] Save()
    {
        var (now, bytes) = (BootClock.Now.Milliseconds, new MemoryStream());
        Span<byte> head = stackalloc byte[Fixed];
        foreach (var neighbor in dataplane.LearnedNeighbors())
        {
            var (address, name) = (neighbor.Address.GetAddressBytes(), Encoding.UTF8.GetBytes(neighbor.Interface));
            if (bytes.Length + Fixed + address.Length + 1 + name.Length > Capacity || name.Length > byte.MaxValue) break;
            BinaryPrimitives.WriteInt64LittleEndian(head, (now - (long)neighbor.SinceConfirmed.TotalMilliseconds) / Grain * Grain);
            neighbor.Mac.GetAddressBytes().CopyTo(head[8..]);
            head[^1] = (byte)address.Length;
            bytes.Write(head);
            bytes.Write(address);
            bytes.WriteByte((byte)name.Length);
            bytes.Write(name);
        }

        return bytes.ToArray();
    }

    public void Restore(ReadOnlySpan<byte> content) => dataplane.Remember(Parse(content, BootClock.Now.Milliseconds));

    /// <summary>As far as the octets make sense.</summary>
    internal static IReadOnlyList<WarmNeighbor> Parse(ReadOnlySpan<byte> content, long now)
    {
        var neighbors = new List<WarmNeighbor>();
        while (content.Length > Fixed)
        {
            var (confirmed, length) = (BinaryPrimitives.ReadInt64LittleEndian(content), content[Fixed - 1]);
            if (length is not (4 or 16) || content.Length <= Fixed + length) break;
            var nameLength = content[Fixed + length];
            if (content.Length < Fixed + length + 1 + nameLength) break;
            var age = TimeSpan.FromMilliseconds(Math.Clamp(now - confirmed, 0, (long)TimeSpan.FromDays(1).TotalMilliseconds));
            neighbors.Add(new WarmNeighbor(
                Encoding.UTF8.GetString(content.Slice(Fixed + length + 1, nameLength)), new IPAddress(content.Slice(Fixed, length)), new PhysicalAddress(content.Slice(8, 6).ToArray()), age));
            content = content[(Fixed + length + 1 + nameLength)..];
        }

        return neighbors;
    }
}
