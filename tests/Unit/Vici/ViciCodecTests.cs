using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Gateway.Host.Vici.Wire;
using Xunit;

namespace Gateway.Unit.Vici;

public sealed class ViciCodecTests
{
    // The example of the protocol's description: key1 = value1, section1 { sub-section { key2 = value2 } list1 = [ item1, item2 ] }.
    private static readonly byte[] _example =
    [
        3, 4, .. "key1"u8, 0, 6, .. "value1"u8,
        1, 8, .. "section1"u8,
        1, 11, .. "sub-section"u8,
        3, 4, .. "key2"u8, 0, 6, .. "value2"u8,
        2,
        4, 5, .. "list1"u8, 5, 0, 5, .. "item1"u8, 5, 0, 5, .. "item2"u8, 6,
        2,
    ];

    [Fact]
    public void The_example_of_the_description_reads_as_it_says()
    {
        Assert.True(ViciCodec.TryRead(_example, out var root));
        Assert.Equal("value1", root["key1"]);
        Assert.Equal("value2", root.Section("section1")!.Section("sub-section")!["key2"]);
        Assert.Equal(["item1", "item2"], root.Section("section1")!.Texts("list1"));
    }

    [Fact]
    public void What_is_written_is_the_example_octet_for_octet()
    {
        var section = new ViciSection { { "key1", "value1" }, { "section1", new ViciSection { { "sub-section", new ViciSection { { "key2", "value2" } } }, { "list1", ["item1", "item2"] } } } };
        var writer = new ArrayBufferWriter<byte>();
        ViciCodec.Write(writer, section);
        Assert.Equal(_example, writer.WrittenSpan.ToArray());
    }

    [Theory]
    [InlineData(new byte[] { 0 }, "no such element")]
    [InlineData(new byte[] { 7 }, "no such element")]
    [InlineData(new byte[] { 1 }, "a section without a name")]
    [InlineData(new byte[] { 1, 1, 97 }, "a section that is not closed")]
    [InlineData(new byte[] { 2 }, "an end without a beginning")]
    [InlineData(new byte[] { 3, 1, 97, 0 }, "a value without its length")]
    [InlineData(new byte[] { 3, 1, 97, 0, 2, 98 }, "a value that is cut off")]
    [InlineData(new byte[] { 3, 5, 97 }, "a name that is cut off")]
    [InlineData(new byte[] { 4, 1, 97 }, "a list that is not closed")]
    [InlineData(new byte[] { 4, 1, 97, 3, 1, 97, 0, 0, 6 }, "a value in a list")]
    [InlineData(new byte[] { 5, 0, 0 }, "an item outside a list")]
    [InlineData(new byte[] { 6 }, "the end of no list")]
    public void Damage_is_refused(byte[] message, string what)
    {
        Assert.False(ViciCodec.TryRead(message, out var root), what);
        Assert.Null(root);
    }

    [Fact]
    public void Sections_nest_to_a_bound()
    {
        Assert.True(ViciCodec.TryRead(Nested(ViciCodec.MaxDepth), out _));
        Assert.False(ViciCodec.TryRead(Nested(ViciCodec.MaxDepth + 1), out _));
    }

    [Fact]
    public void A_packet_carries_its_name_only_where_its_type_has_one()
    {
        var request = new ViciPacket(ViciPacketType.Request, "version", []).Write()!;
        Assert.Equal([0, 0, 0, 9, 0, 7, .. "version"u8], request);
        Assert.Equal([0, 0, 0, 1, 5], new ViciPacket(ViciPacketType.Confirm, "ignored", []).Write()!);
    }

    [Fact]
    public void A_packet_beyond_the_protocols_limit_is_not_written()
    {
        var section = new ViciSection();
        for (var i = 0; i < 9; i++) section.Add($"k{i}", new byte[ushort.MaxValue]);
        Assert.Null(new ViciPacket(ViciPacketType.Response, "", section).Write());
    }

    [Fact]
    public void Packets_survive_the_way_there_and_back()
    {
        var random = new Random(5);
        for (var i = 0; i < 500; i++)
        {
            var section = Some(random, 0);
            var written = new ViciPacket(ViciPacketType.Event, "list-sa", section).Write()!;
            Assert.Equal(written.Length - 4, BinaryPrimitives.ReadInt32BigEndian(written));
            Assert.True(ViciPacket.TryRead(written.AsSpan(4), out var read));
            Assert.Equal("list-sa", read.Name);
            Assert.Equal(Text(section), Text(read.Message));
        }
    }

    private static byte[] Nested(int depth) => [.. Enumerable.Repeat((byte[])[1, 1, 97], depth).SelectMany(b => b), .. Enumerable.Repeat((byte)2, depth)];

    private static ViciSection Some(Random random, int depth)
    {
        var section = new ViciSection();
        for (var i = random.Next(5); i > 0; i--)
        {
            var name = "n" + random.Next(100);
            switch (random.Next(depth < 4 ? 3 : 2))
            {
                case 0: section.Add(name, Octets(random)); break;
                case 1: section.Add(new ViciEntry.List(name, [.. Enumerable.Range(0, random.Next(4)).Select(_ => Octets(random))])); break;
                default: section.Add(name, Some(random, depth + 1)); break;
            }
        }

        return section;
    }

    private static byte[] Octets(Random random)
    {
        var octets = new byte[random.Next(20)];
        random.NextBytes(octets);
        return octets;
    }

    private static string Text(ViciSection section)
    {
        var text = new StringBuilder();
        foreach (var entry in section)
        {
            text.Append(entry.Name).Append(entry switch
            {
                ViciEntry.Value value => "=" + Convert.ToHexString(value.Octets),
                ViciEntry.List list => "[" + string.Join(' ', list.Items.Select(Convert.ToHexString)) + "]",
                ViciEntry.Section inner => "{" + Text(inner.Content) + "}",
                _ => "?",
            }).Append(' ');
        }

        return text.ToString();
    }
}
