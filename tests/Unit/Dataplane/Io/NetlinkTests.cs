using System.Runtime.InteropServices;
using Gateway.Dataplane.Io.Netlink;
using Xunit;

namespace Gateway.Unit.Dataplane.Io;

public sealed class NetlinkTests
{
    [Fact]
    public void A_message_carries_its_length_and_its_attributes_aligned_to_four_bytes()
    {
        NetlinkMessage message = new NetlinkMessage().Begin(16, NetlinkFlags.Request | NetlinkFlags.Acknowledge).Raw(new byte[16]).Attribute(3, "wan").Attribute(4, 1500u).End();
        message.Number(7);
        ReadOnlySpan<byte> bytes = message.Bytes;
        Assert.Equal(16 + 16 + 8 + 8, bytes.Length);
        Assert.Equal((uint)bytes.Length, MemoryMarshal.Read<uint>(bytes));
        Assert.Equal(7u, MemoryMarshal.Read<uint>(bytes[8..]));
        NetlinkAttributes attributes = new(bytes[32..]);
        Assert.True(attributes.Next());
        Assert.Equal((3, "wan"), (attributes.Type, attributes.Text));
        Assert.True(attributes.Next());
        Assert.Equal((4, 1500u), (attributes.Type, attributes.UInt32));
        Assert.False(attributes.Next());
    }

    [Fact]
    public void In_a_batch_the_message_that_asks_for_the_answer_gets_the_number()
    {
        NetlinkMessage batch = new NetlinkMessage().Begin(16, NetlinkFlags.Request).Raw([0, 0, 0, 10]).End();
        int second = batch.Bytes.Length;
        batch.Begin(0xA00, NetlinkFlags.Request | NetlinkFlags.Acknowledge).Raw([5, 0, 0, 0]).Nested(4, m => m.Attribute(1, "x")).End();
        int third = batch.Bytes.Length;
        batch.Begin(17, NetlinkFlags.Request).Raw([0, 0, 0, 10]).End();
        batch.Number(99);
        Assert.Equal((0u, 99u, 0u), (MemoryMarshal.Read<uint>(batch.Bytes[8..]), MemoryMarshal.Read<uint>(batch.Bytes[(second + 8)..]), MemoryMarshal.Read<uint>(batch.Bytes[(third + 8)..])));
    }

    [Fact]
    public void A_cut_off_attribute_ends_the_reading()
    {
        NetlinkAttributes attributes = new([8, 0, 3, 0, 1, 2]);
        Assert.False(attributes.Next());
        NetlinkAttributes none = new([3, 0, 3, 0]);
        Assert.False(none.Next());
    }

    [Fact]
    public void A_link_message_is_read()
    {
        byte[] header = new byte[16];
        MemoryMarshal.Write(header.AsSpan(4), 9);
        MemoryMarshal.Write(header.AsSpan(8), 0x10001u);
        NetlinkMessage message = new NetlinkMessage().Begin(16, NetlinkFlags.Request).Raw(header).Attribute(3, "wan").Attribute(1, [2, 0, 0, 0, 0, 1]).Attribute(4, 9000u).Attribute(10, 3u).End();
        LinkInfo link = RouteNetlink.TryReadLink(message.Bytes[16..])!;
        Assert.Equal((9, "wan", 9000, true, true, false, 3), (link.Index, link.Name, link.Mtu, link.IsUp, link.HasCarrier, link.IsLoopback, link.Master));
        Assert.Equal("020000000001", link.Mac.ToString());
        Assert.Null(RouteNetlink.TryReadLink(message.Bytes[16..20]));
    }

    [Fact]
    public void The_name_of_the_hook_is_one_that_nft_can_write() => Assert.Equal("gateway_eth0_7_x", IngressDrop.TableName("eth0.7-x"));
}
