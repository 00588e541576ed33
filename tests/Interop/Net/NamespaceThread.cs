using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Interop.Net;

/// <summary>Runs code on a thread of its own inside a network namespace; threads and processes started there live there too.</summary>
internal static partial class NamespaceThread
{
    private const int _cloneNewNet = 0x40000000;

    public static T Run<T>(string path, Func<T> inside)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Enter(path);
                result = inside();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "in " + path };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>Moves the calling thread; it must never return to the thread pool afterwards.</summary>
    public static void Enter(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        if (setns((int)file.DangerousGetHandle(), _cloneNewNet) != 0)
            throw new InvalidOperationException($"setns {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int fd, int type);
}
