using System.Text;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>
/// The nftables hook that silences the kernel on a taken port: a table of family netdev with one ingress chain whose policy is to drop. AF_PACKET gets its copy before the hook.
/// It outlives the process on purpose: between a crash and the next start the kernel must not answer or forward in the gateway's place.
/// Written as nf_tables netlink (linux/netfilter/nf_tables.h), in one batch that takes effect as a whole.
/// </summary>
internal static class IngressDrop
{
    private const int _familyNetdev = 5;
    private const ushort _batchBegin = 16, _batchEnd = 17, _subsystem = 10 << 8, _newTable = 0, _delTable = 2, _newChain = 3, _getTable = 1;

    /// <summary>The table's name for a device; characters that nft cannot write in a name become underscores.</summary>
    public static string TableName(string device) => "gateway_" + string.Concat(device.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    /// <summary>Puts the hook in place, replacing one that a former run left.</summary>
    public static void Put(string device)
    {
        const int chainTable = 1, chainName = 3, chainHook = 4, chainPolicy = 5, chainType = 7, hookNumber = 1, hookPriority = 2, hookDevice = 3;
        const uint ingress = 0, drop = 0;
        const int beforeAll = -500;
        string table = TableName(device);
        NetlinkMessage batch = new();
        Frame(batch, _batchBegin);
        Table(batch, _newTable, table, NetlinkFlags.Create);
        Table(batch, _delTable, table, 0);
        Table(batch, _newTable, table, NetlinkFlags.Create);
        Start(batch, _newChain, NetlinkFlags.Create | NetlinkFlags.Acknowledge).Attribute(chainTable, table).Attribute(chainName, "ingress")
            .Nested(chainHook, h => h.AttributeBigEndian(hookNumber, ingress).AttributeBigEndian(hookPriority, unchecked((uint)beforeAll)).Attribute(hookDevice, device))
            .AttributeBigEndian(chainPolicy, drop).Attribute(chainType, "filter").End();
        Commit(batch, $"ingress drop on {device}");
    }

    /// <summary>Takes the hook away; none there is as good.</summary>
    public static void Remove(string device)
    {
        NetlinkMessage batch = new();
        Frame(batch, _batchBegin);
        Table(batch, _delTable, TableName(device), NetlinkFlags.Acknowledge);
        int errno = TryCommit(batch, $"removal of the ingress drop on {device}");
        if (errno is not (0 or Errors.NoEntry)) throw new KernelException($"removal of the ingress drop on {device}", errno);
    }

    /// <summary>Whether the table of a device is there.</summary>
    public static bool Exists(string device)
    {
        using NetlinkSocket socket = new(NetlinkSocket.Netfilter);
        bool found = false;
        byte[] name = Encoding.UTF8.GetBytes(TableName(device) + "\0");
        socket.Dump(
            new NetlinkMessage().Begin(_subsystem | _getTable, NetlinkFlags.Request | NetlinkFlags.Dump).Raw([_familyNetdev, 0, 0, 0]).End(),
            "list of nftables tables",
            (_, payload) => found |= payload.IndexOf(name) >= 0);
        return found;
    }

    private static void Commit(NetlinkMessage batch, string what)
    {
        int errno = TryCommit(batch, what);
        if (errno != 0) throw new KernelException(what, errno);
    }

    private static int TryCommit(NetlinkMessage batch, string what)
    {
        Frame(batch, _batchEnd);
        using NetlinkSocket socket = new(NetlinkSocket.Netfilter);
        return socket.TryRequest(batch, what);
    }

    private static void Table(NetlinkMessage batch, ushort type, string table, NetlinkFlags flags)
    {
        const int tableName = 1;
        Start(batch, type, flags).Attribute(tableName, table).End();
    }

    private static NetlinkMessage Start(NetlinkMessage batch, ushort type, NetlinkFlags flags) =>
        batch.Begin((ushort)(_subsystem | type), NetlinkFlags.Request | flags).Raw([_familyNetdev, 0, 0, 0]);

    /// <summary>Begin and end of a batch name the subsystem in their resource id, in network order. The last change asks for the acknowledgement: older kernels do not acknowledge the end.</summary>
    private static void Frame(NetlinkMessage batch, ushort type) => batch.Begin(type, NetlinkFlags.Request).Raw([0, 0, 0, 10]).End();
}
