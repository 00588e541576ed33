using System.Net;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>An address that the kernel holds on a device.</summary>
/// <param name="Message">The kernel's own description (ifaddrmsg and attributes), with which it can be put back as it was.</param>
internal sealed record KernelAddress(int Index, IPAddress Address, int PrefixLength, bool IsTemporary, byte[] Message)
{
    public bool IsLinkLocal => Address.IsIPv6LinkLocal;

    public override string ToString() => $"{Address}/{PrefixLength}";
}
