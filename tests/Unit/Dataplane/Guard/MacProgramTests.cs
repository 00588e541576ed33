using System.Net;
using Gateway.Dataplane.Guard;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Xunit;
using MacAddress = Gateway.Policy.Items.MacAddress;

namespace Gateway.Unit.Dataplane.Guard;

/// <summary>The rules of MAC ACLs, held to a search through all of them on the frame's bytes.</summary>
public sealed unsafe class MacProgramTests
{
    [Fact]
    public void The_first_rule_that_matches_decides_whatever_rules_and_frames_come()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 60; round++)
        {
            var rules = Enumerable.Range(0, random.Next(1, 400)).Select(_ => Rule(random)).ToList();
            var program = MacCompiler.Compile(rules!, permits: false, 1);
            try
            {
                for (var i = 0; i < 500; i++)
                {
                    var frame = Frame(random);
                    var expected = rules.FindIndex(r => Matches(r, frame));
                    if (expected < 0) expected = rules.Count;
                    MacKey key;
                    fixed (byte* data = frame) MacJudge.Read(data, (uint)frame.Length, &key);
                    Assert.True(MacProgram.Find(program, &key) == (uint)expected, $"seed {seed}, round {round}, frame {i}: {Convert.ToHexString(frame)}");
                }
            }
            finally
            {
                MacProgram.Free(program);
            }
        }
    }

    [Fact]
    public void No_frame_is_read_beyond_its_end()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var frame = Frame(random);
            var length = random.Next(0, frame.Length + 1);
            MacKey cut, whole;
            fixed (byte* data = frame)
            {
                MacJudge.Read(data, (uint)length, &cut);
                // What lies behind the end must not matter.
                var other = frame.ToArray();
                random.NextBytes(other.AsSpan(length));
                fixed (byte* changed = other) MacJudge.Read(changed, (uint)length, &whole);
            }

            Assert.True(
                (cut.Source, cut.Destination, cut.IpHigh, cut.IpLow, cut.AlsoHigh, cut.AlsoLow, cut.Type, cut.Vlan, cut.Ip) == (whole.Source, whole.Destination, whole.IpHigh, whole.IpLow, whole.AlsoHigh, whole.AlsoLow, whole.Type, whole.Vlan, whole.Ip),
                $"seed {seed}: {length} of {Convert.ToHexString(frame)}");
        }
    }

    private static MacAddress Mac(Random random) => new(0x0200_0000_0000UL | (uint)random.Next(24));

    private static MacAclRule Rule(Random random)
    {
        var from = random.Next(3) == 0 ? (MacAddress?)null : Mac(random);
        var to = random.Next(3) != 0 ? (MacAddress?)null : Mac(random);
        var mask = new MacAddress(0xFFFF_FFFF_FFF0);
        var (maskFrom, maskTo) = (from is not null && random.Next(5) == 0, to is not null && random.Next(5) == 0);
        return new MacAclRule
        {
            Action = MacAclAction.Permit,
            From = maskFrom ? new MacAddress(from!.Value.Value & mask.Value) : from,
            FromMask = maskFrom ? mask : null,
            To = maskTo ? new MacAddress(to!.Value.Value & mask.Value) : to,
            ToMask = maskTo ? mask : null,
            Ethertype = random.Next(4) == 0 ? new EtherType((ushort[])[0x0800, 0x0806, 0x86DD, 0x88CC] is var types ? types[random.Next(4)] : default) : null,
            Vlan = random.Next(5) == 0 ? random.Next(3) : null,
            SourceIp = random.Next(2) == 0 ? [] : random.Next(2) == 0
                ? [new IpPrefix(IPAddress.Parse($"10.0.0.{random.Next(8) * 4}"), 30), new IpPrefix(IPAddress.Parse("10.9.0.0"), 16)]
                : [new IpPrefix(IPAddress.Parse($"2001:db8::{random.Next(4)}0"), 124)],
        };
    }

    private static byte[] Frame(Random random)
    {
        var (from, to) = (Bytes(Mac(random)), Bytes(Mac(random)));
        var (ip4, ip6) = ($"10.0.0.{random.Next(32)}", $"2001:db8::{random.Next(64):x}");
        var other6 = random.Next(2) == 0 ? ip6 : $"2001:db8::{random.Next(64):x}";
        byte[] hop = [58, 0, 1, 4, 0, 0, 0, 0];
        var advertisement = Build.Icmp6(ip6, "2001:db8::1", 136, 0, 0, [.. IPAddress.Parse(other6).GetAddressBytes()]);
        var (type, payload) = random.Next(7) switch
        {
            0 => (0x0800, Build.Ip4(ip4, "10.1.1.1", 17, Build.Bytes(30))),
            1 => (0x0806, Build.Arp(1, random.Next(3) == 0 ? to : from, ip4, new byte[6], "10.0.0.1")),
            2 => (0x86DD, Build.Ip6(ip6, "2001:db8::1", 17, Build.Bytes(30))),
            3 => (0x86DD, Build.Ip6(ip6, "2001:db8::1", 58, advertisement)),
            4 => (0x86DD, Build.Ip6(ip6, "2001:db8::1", 0, [.. hop, .. advertisement])),
            5 => (0x88CC, Build.Bytes(20)),
            _ => (0x0800, Build.Bytes(12)),
        };
        byte[] tag = random.Next(3) == 0 ? [0x81, 0, 0x20, (byte)random.Next(3)] : [];
        return [.. to, .. from, .. tag, (byte)(type >> 8), (byte)type, .. payload];
    }

    private static byte[] Bytes(MacAddress mac) => [.. Enumerable.Range(0, 6).Select(i => (byte)(mac.Value >> (40 - 8 * i)))];

    private static bool Matches(MacAclRule rule, byte[] frame)
    {
        var tagged = frame[12] == 0x81;
        var payload = frame[(tagged ? 18 : 14)..];
        var type = Build.Get16(frame, tagged ? 16 : 12);
        var vlan = tagged ? Build.Get16(frame, 14) & 0xFFF : 0;
        if (rule.From is { } from && !Same(from, rule.FromMask, frame.AsSpan(6, 6))) return false;
        if (rule.To is { } to && !Same(to, rule.ToMask, frame.AsSpan(0, 6))) return false;
        if (rule.Ethertype is { } wanted && wanted.Number != type) return false;
        if (rule.Vlan is { } v && v != vlan) return false;
        if (rule.SourceIp.Count == 0) return true;
        List<IPAddress> speaksFor = [];
        if (type == 0x0800 && payload.Length >= 20 && payload[0] >> 4 == 4) speaksFor.Add(new IPAddress(payload[12..16]));
        if (type == 0x0806 && payload.AsSpan(8, 6).SequenceEqual(frame.AsSpan(6, 6))) speaksFor.Add(new IPAddress(payload[14..18]));
        if (type == 0x86DD)
        {
            speaksFor.Add(new IPAddress(payload[8..24]));
            var (next, at) = payload[6] == 0 ? (payload[40], 48) : (payload[6], 40);
            if (next == 58 && payload[at] == 136) speaksFor.Add(new IPAddress(payload[(at + 8)..(at + 24)]));
        }

        return speaksFor.Count > 0 && rule.SourceIp.Any(p => speaksFor.All(p.Contains));
    }

    private static bool Same(MacAddress wanted, MacAddress? mask, ReadOnlySpan<byte> found)
    {
        ulong value = 0;
        foreach (var octet in found) value = value << 8 | octet;
        return (value & (mask?.Value ?? 0xFFFF_FFFF_FFFF)) == wanted.Value;
    }
}
