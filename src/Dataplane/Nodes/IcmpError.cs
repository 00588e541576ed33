namespace Gateway.Dataplane.Nodes;

/// <summary>The ICMP error that an error node is asked for, as it travels in <see cref="Buffers.PacketMeta.Opaque0"/>: type, code and the 32-bit field of its header (MTU or pointer).</summary>
internal static class IcmpError
{
    public static ulong Pack(byte type, byte code, uint field = 0) => (ulong)type << 40 | (ulong)code << 32 | field;

    public static byte TypeOf(ulong packed) => (byte)(packed >> 40);

    public static byte CodeOf(ulong packed) => (byte)(packed >> 32);

    public static uint FieldOf(ulong packed) => (uint)packed;

    // RFC 792, RFC 1191, RFC 1812 §5.2.7.
    public static readonly ulong NetUnreachable4 = Pack(3, 0);
    public static readonly ulong HostUnreachable4 = Pack(3, 1);
    public static readonly ulong ProtocolUnreachable4 = Pack(3, 2);
    public static readonly ulong PortUnreachable4 = Pack(3, 3);
    public static readonly ulong Prohibited4 = Pack(3, 13);
    public static readonly ulong TtlExceeded4 = Pack(11, 0);

    // RFC 4443 §3.
    public static readonly ulong NoRoute6 = Pack(1, 0);
    public static readonly ulong Prohibited6 = Pack(1, 1);
    public static readonly ulong AddressUnreachable6 = Pack(1, 3);
    public static readonly ulong PortUnreachable6 = Pack(1, 4);
    public static readonly ulong HopLimitExceeded6 = Pack(3, 0);

    /// <summary>RFC 1191 §4: fragmentation needed, with the next hop's MTU.</summary>
    public static ulong FragmentationNeeded4(uint mtu) => Pack(3, 4, mtu);

    /// <summary>RFC 4443 §3.2: packet too big.</summary>
    public static ulong PacketTooBig6(uint mtu) => Pack(2, 0, mtu);

    /// <summary>RFC 4443 §3.4: code 1 an unknown next header, 0 an erroneous field; the pointer counts from the IPv6 header.</summary>
    public static ulong ParameterProblem6(byte code, uint pointer) => Pack(4, code, pointer);
}
